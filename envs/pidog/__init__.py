"""PiDog: its model, gaits, tasks, servos and sensors."""
