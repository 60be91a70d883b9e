"""How the documentation is built: without network, and with warnings as errors."""

import os
import re
import sys

from docutils.nodes import SkipNode, reference
from docutils.utils.math.latex2mathml import tex2mathml
from numpydoc.xref import DEFAULT_LINKS

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the logs of the examples are small

sys.path.insert(0, os.path.dirname(__file__))

import neighbours

import sklabelcraft

project = "sklabelcraft"
author = "the sklabelcraft developers"
copyright = f"2026, {author}"
release = sklabelcraft.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "examples", "**sg_execution_times.rst"]
templates_path = ["_templates"]
default_role = "literal"

html_theme = "furo"
html_title = f"sklabelcraft {release}"
html_math_renderer = "mathml"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["math.css", "pages.css"]
html_show_sphinx = False

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings tell them
autosummary_generate = True
toc_object_entries_show_parents = "hide"
autosummary_ignore_module_all = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # but for these
numpydoc_xref_aliases = {name: name for name in DEFAULT_LINKS} | {
    "DataFrame": "pandas.DataFrame",
    "ndarray": "numpy.ndarray",
}

intersphinx_mapping = neighbours.mapping("_build/inventories")
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"\.toml$",
    "within_subsection_order": "FileNameSortKey",
    "doc_module": ("sklabelcraft",),
    "backreferences_dir": "generated/backreferences",
    "download_all_examples": False,
    "min_reported_time": float("inf"),
    "show_memory": False,
    "show_signature": False,
}


def setup(app):
    """Draw formulas as MathML, which browsers know; mend what would be a link."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("autodoc-process-docstring", quote_shapes, priority=400)
    app.connect("doctree-read", unlink_metrics)


def inline(translator, node):
    """A formula in the text."""
    translator.body.append(tex2mathml(node.astext()))
    raise SkipNode


def block(translator, node):
    """A formula on its own."""
    formula = tex2mathml(node.astext(), as_block=True)
    translator.body.append(f'<div class="math">{formula}</div>\n')
    raise SkipNode


def quote_shapes(app, what, name, obj, options, lines):
    """Quote names in shapes such as (n_features_in_,), before numpydoc sees them."""
    lines[:] = [re.sub(r"\((\w+_),\)", r"(`\1`,)", line) for line in lines]


def unlink_metrics(app, doctree):
    """Leave names such as NWTG@10 as they are: they are no addresses."""
    for node in list(doctree.findall(reference)):
        if node.get("refuri", "").startswith("mailto:"):
            node.replace_self(node.children)
