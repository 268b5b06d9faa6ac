"""Facts and rules. No I/O, no clock, no logging."""
