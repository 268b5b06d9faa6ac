"""One file a command, verb and noun."""
