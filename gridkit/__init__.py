"""What two processes of campusgrid must agree on; it imports nothing else of the project."""
