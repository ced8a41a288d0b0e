"""Videos and figures of what was learned."""
