"""One meeting for the subscribers of every customer a change affects."""
