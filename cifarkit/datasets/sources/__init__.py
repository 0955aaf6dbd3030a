"""The built-in data sets: a module for each, whose `SOURCE` goes by the module's name."""
