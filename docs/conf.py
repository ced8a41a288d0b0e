"""Settings of Sphinx. ``make docs`` builds the pages; a warning fails the build.

The pages are Markdown that reads as well on GitHub; the reference comes from the docstrings.
"""

import sys
import zlib
from importlib.metadata import version as installed_version
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "sb3-mimic"
author = "sb3-mimic contributors"
project_copyright = author
release = version = installed_version("sb3-mimic")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "reference",  # docs/_ext
]
exclude_patterns = ["_build", "_ext"]

# Markdown as GitHub reads it: $…$ is mathematics, every heading has an anchor.
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4

# `name` in a docstring is a name of Python's.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
# Two classes of one name, where an annotation is a string: the link is to the first.
suppress_warnings = ["ref.python"]
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_attr_annotations = False  # the signature has them

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_show_sphinx = False
copybutton_exclude = ".linenos, .gp, .go"

# Links into the projects that this one plugs into. Sphinx warns, and -W fails, where the list of a
# project's names cannot be fetched; a second, empty list is always there, so that a machine
# without a network builds the same pages without those links.
_NO_NAMES = HERE / "_build" / "no-names.inv"
_NO_NAMES.parent.mkdir(exist_ok=True)
_NO_NAMES.write_bytes(
    b"# Sphinx inventory version 2\n# Project: none\n# Version: none\n"
    b"# The remainder of this file is compressed using zlib.\n" + zlib.compress(b"")
)
intersphinx_timeout = 5
intersphinx_mapping = {
    name: (address, (None, str(_NO_NAMES)))
    for name, address in {
        "gymnasium": "https://gymnasium.farama.org/",
        "imitation": "https://imitation.readthedocs.io/en/latest/",
        "mujoco": "https://mujoco.readthedocs.io/en/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "python": "https://docs.python.org/3/",
        "sb3": "https://stable-baselines3.readthedocs.io/en/master/",
        "sb3-contrib": "https://sb3-contrib.readthedocs.io/en/master/",
        "scipy": "https://docs.scipy.org/doc/scipy/",
        "torch": "https://docs.pytorch.org/docs/stable/",
    }.items()
}
