"""Robot models, built-in clips and trained policies, installed as ``sb3_mimic.assets``."""

if __name__ != "sb3_mimic.assets":
    raise ImportError(
        f"this folder is the package sb3_mimic.assets and was imported as {__name__!r}; "
        "install the project (pip install -e .) and import sb3_mimic.assets"
    )
