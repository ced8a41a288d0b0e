"""Export to PiDog: the program that runs a policy on the robot."""
