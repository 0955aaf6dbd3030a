"""The networks: facts about each, and the functions that build them."""
