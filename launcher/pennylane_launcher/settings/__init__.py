"""The settings of a command: read, told to a person, and kept from others."""
