"""Motions changed: cleaned, repaired, closed to loops; contacts and glitches found in them."""
