"""What is measured of attacks and defenses, by commands that anybody can give again."""
