"""What every HTTP face needs, whatever it serves."""
