"""Demonstrations of PiDog: its gaits, and the steps of dogs in its legs."""
