"""The networks: what is known of each, and how it is built."""
