"""Translation between bytes and the domain: pure, no input or output, no clock, no logging."""
