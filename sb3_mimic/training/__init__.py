"""The training job: configuration, demonstrations, run folder, policies that are shared."""
