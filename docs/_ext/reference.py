"""The reference: a page per module, and what makes names in docstrings links.

Pages are written anew by every build, so that no module is forgotten.
"""

import ast
import importlib
import inspect
import re
import sys
import types
import typing
from contextlib import suppress
from pathlib import Path
from typing import Any

from docutils.nodes import Element, TextElement, paragraph
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

import sb3_mimic

ROOT = Path(sb3_mimic.__file__).parent

#: Packages in the order of the work; others follow. The command line has a page of its own.
PACKAGES = (
    *("motion", "refinement", "envs", "demos", "policies", "cloning", "rl", "evaluation", "tasks"),
    *("training", "report"),
)
EXCLUDED = ("cli", "assets")

# What numpy makes of NDArray[…], in a signature.
_NUMPY_ARRAY = re.compile(
    r"~?numpy\.ndarray\[tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[([^\[\]]+)\]\]"
)
# What a package only passes on is described where it is defined.
_OPTIONS = "   :members:\n   :ignore-module-all:\n   :show-inheritance:\n"
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_COLON = "\ue000"  # no character of any text


def setup(app: Sphinx) -> None:
    """Connects the functions below to the events of a build."""
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", hide_colon, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", show_colon, priority=600)
    app.connect("autodoc-process-signature", shorten_types)
    app.connect("object-description-transform", drop_object)
    app.connect("missing-reference", resolve_name, priority=900)  # after intersphinx


def write_pages(app: Sphinx) -> None:
    """Writes a page for every public module, a list of each package's, and the tree of them."""
    found = {path.parent.name for path in ROOT.glob("[!_]*/__init__.py")}
    packages = [*PACKAGES, *sorted(found - {*PACKAGES, *EXCLUDED})]
    pages = {}
    for package in packages:
        top, *modules = sorted(_module_name(path) for path in (ROOT / package).rglob("*.py"))
        modules = [module for module in modules if "._" not in module]
        pages[f"{top}.rst"] = _package_page(top, modules)
        pages |= {f"{module}.rst": _module_page(module) for module in modules}
    rest = sorted(path.stem for path in ROOT.glob("[!_]*.py"))
    pages |= {f"{module}.rst": _module_page(module) for module in rest}
    entries = "\n".join(f"   modules/{name}" for name in (*packages, *rest))
    pages["toctree.inc"] = f".. toctree::\n   :maxdepth: 1\n\n{entries}\n"

    folder = Path(app.srcdir) / "reference" / "modules"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        page = folder / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
    for page in folder.iterdir():
        if page.name not in pages:
            page.unlink()


def hide_colon(_app: Sphinx, what: str, _name: str, _obj: Any, _: Any, lines: list[str]) -> None:
    """Keeps napoleon from taking what stands before a colon for the type of an attribute."""
    if what in {"attribute", "data", "property"} and lines:
        lines[0] = lines[0].replace(":", _COLON)


def show_colon(_app: Sphinx, _what: str, _name: str, _obj: Any, _: Any, lines: list[str]) -> None:
    """Takes back what `hide_colon` did."""
    lines[:] = [line.replace(_COLON, ":") for line in lines]


def shorten_types(*event: Any) -> tuple[str | None, str | None]:
    """Makes signatures say ``NDArray[float64]``, as the code does."""
    *_, signature, returns = event
    return _shorten(signature), _shorten(returns)


def drop_object(_app: Sphinx, _domain: str, _type: str, content: Element) -> None:
    """Leaves out that a class derives from ``object``."""
    for line in list(content.findall(paragraph)):
        if line.astext() == "Bases: object":
            line.parent.remove(line)


def resolve_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: TextElement
) -> TextElement | None:
    """Finds a name that neither its page nor intersphinx knows.

    One of ours may be given without its module, or by the package that passes it on. One of another
    project is plain text where the list of its names is not at hand. What is left is a warning.
    """
    if node.get("refdomain") != "py":
        return None
    target = str(node["reftarget"])
    if not _NAME.fullmatch(target):
        return contnode  # a command, a formula
    value = _find(target, node.get("py:module"))
    full = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
    objects = env.domains.python_domain.objects
    names = [full] if full in objects else [n for n in objects if n.endswith(f".{target}")]
    if len(names) == 1:
        found = objects[names[0]]
        return make_refnode(
            app.builder, node["refdoc"], found.docname, found.node_id, contnode, names[0]
        )
    is_ours = full.startswith("sb3_mimic") and not target.rpartition(".")[2].startswith("_")
    return contnode if value is not None and not is_ours else None


def _find(name: str, module: str | None) -> Any:
    """The object of a dotted name in a module, or anywhere; None where there is none."""
    first, *rest = name.split(".")
    value = getattr(sys.modules.get(module or ""), first, None)
    if value is None and module is not None:
        value = _imported_for_types(first, module)
    if value is None:
        with suppress(ImportError):
            value = importlib.import_module(first)
    for depth, part in enumerate(rest, 1):
        if not hasattr(value, part):
            with suppress(ImportError):
                importlib.import_module(".".join([first, *rest[:depth]]))
        value = getattr(value, part, None)
    return value


def _imported_for_types(name: str, module: str) -> Any:
    """The object that a module imports for type checkers alone; None where there is none."""
    for node in ast.walk(ast.parse(inspect.getsource(importlib.import_module(module)))):
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            return getattr(importlib.import_module(str(node.module)), name, None)
    return None


def _module_name(path: Path) -> str:
    """Name of a module within the package, as "motion.clip"."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _package_page(package: str, modules: list[str]) -> str:
    lines = [f"{package}\n{'=' * len(package)}\n"]
    lines += [f".. automodule:: sb3_mimic.{package}\n{_OPTIONS}"]
    lines += [f":doc:`{module}`\n   {_summary(module)}\n" for module in modules]
    toctree = "\n".join(f"   {module}" for module in modules)
    return "\n".join([*lines, f".. toctree::\n   :hidden:\n\n{toctree}\n"])


def _module_page(module: str) -> str:
    _strip_annotated(f"sb3_mimic.{module}")
    title = module.replace("_", r"\_")
    return f"{title}\n{'=' * len(title)}\n\n.. automodule:: sb3_mimic.{module}\n{_OPTIONS}"


def _summary(module: str) -> str:
    """The first sentence of a module's docstring."""
    path = ROOT.joinpath(*module.split("."))
    source = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return text.partition("\n\n")[0].replace("\n", " ")


def _strip_annotated(module: str) -> None:
    """Removes the command line's annotations from the types of a module's dataclasses."""
    for value in vars(importlib.import_module(module)).values():
        if isinstance(value, type) and value.__module__ == module:
            for holder in (value, vars(value).get("__init__")):
                if isinstance(holder, type | types.FunctionType):
                    with suppress(NameError):
                        holder.__annotations__ |= typing.get_type_hints(holder)


def _shorten(text: str | None) -> str | None:
    if text is None:
        return None
    # A field's default factory has a representation that is no Python.
    text = text.replace("<factory>", "...")
    return _NUMPY_ARRAY.sub(r"~numpy.typing.NDArray[\1]", text)
