"""Who is asking: passwords, RS256 access tokens, rotating refresh tokens, and what each role may do."""
