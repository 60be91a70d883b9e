"""Which metadata an estimator requests, as ``set_fit_request`` and its like had it."""

from sklearn import config_context

from sklabelcraft._saved._refusing import require
from sklabelcraft._saved._trees import Kind, inside

REQUESTS = "_metadata_request"  # where scikit-learn keeps them
METHODS = "fit", "partial_fit", "transform", "predict", "score"


class Requests(Kind):
    """What was set, by method and name: requested, refused, or under another name."""

    def write(self, value, save, path):
        stated = {method: getattr(value, method).requests for method in METHODS}
        return {
            method: {n: request for n, request in names.items() if request is not None}
            for method, names in stated.items()
        }

    def read(self, node, save, path, sizes):
        require(isinstance(node, dict), path, "an object of methods", node)
        for method, names in node.items():
            require(isinstance(names, dict), inside(path, method), "an object", names)
            for name, request in names.items():
                kind = isinstance(request, bool | str)
                place = inside(inside(path, method), name)
                require(kind, place, "true, false or a name", request)
        return node


def request_again(estimator, path):
    """Have an estimator request what was read for it."""
    stated = vars(estimator).pop(REQUESTS, {})
    known = estimator.get_metadata_routing()
    with config_context(enable_metadata_routing=True):
        for method, names in stated.items():
            allowed = getattr(known, method).requests if method in METHODS else {}
            place = inside(inside(path, REQUESTS), method)
            require(names.keys() <= allowed.keys(), place, list(allowed), list(names))
            if names:
                getattr(estimator, f"set_{method}_request")(**names)
