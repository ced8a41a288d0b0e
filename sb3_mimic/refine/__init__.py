"""Actions that reproduce a clip under physics, and whether there can be any."""
