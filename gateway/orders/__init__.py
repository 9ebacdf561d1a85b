"""Orders: what a trader asked for, once each, and what the market made of it."""
