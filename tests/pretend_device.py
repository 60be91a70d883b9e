"""A device "pretend" that computes on the CPU, to see that all is put where it belongs.

Its tensors do not mix with those of the CPU, as those of a GPU do not. Importing this
registers the device with torch for the life of the process.
"""

from functools import partial

import torch
from torch.utils import _pytree as pytree
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "pretend"
# else torch runs them in parts that ask where memory lies
WHOLE = "abs expand select.int split.Tensor transpose.int unsqueeze logsumexp"

_held = {}  # by the storage of a tensor on the device: what it stands for, on the CPU


def hold(values):
    """A tensor of the device that stands for one of the CPU."""
    tensor = torch._C._acc.create_empty_tensor(tuple(values.shape), values.dtype)
    storage = tensor.untyped_storage()
    _held[storage._cdata] = values, storage  # kept, so that no other gets its address
    return tensor


def is_held(x):
    """Whether something is a tensor of the device."""
    return torch.is_tensor(x) and x.device.type == NAME


def values_of(tensor):
    """What a tensor stands for; of one of the CPU, itself."""
    if is_held(tensor):
        return _held[tensor.untyped_storage()._cdata][0]
    return tensor


def run(operation, *args, **kwargs):
    """Run an operation of torch on tensors of the device."""
    leaves, structure = pytree.tree_flatten((args, kwargs))
    args, kwargs = pytree.tree_unflatten(map(_on_cpu, leaves), structure)
    wanted = (str(argument.type) for argument in operation._schema.arguments)
    pairs = zip(args, wanted, strict=False)
    args = [torch.as_tensor(x) if kind == "Tensor" else x for x, kind in pairs]
    results = operation(*args, **kwargs)
    given = {id(values_of(leaf)): leaf for leaf in leaves if is_held(leaf)}
    for leaf in given.values():
        if leaf.shape != values_of(leaf).shape:
            raise RuntimeError(f"{operation} resizes what it is given: run it whole.")
    return pytree.tree_map_only(
        torch.Tensor,
        lambda x: given[id(x)] if id(x) in given else hold(x),
        results,
    )


def _on_cpu(x):
    if torch.is_tensor(x) and not is_held(x) and x.ndim > 0:
        raise RuntimeError(f"a tensor of the CPU, {tuple(x.shape)}, on the device.")
    return torch.device("cpu") if isinstance(x, torch.device) else values_of(x)


def _copy(source, dtype=None, device=None, **_):
    source_device = source.device
    values = values_of(source).clone().to(dtype or source.dtype)
    on_cpu = torch.device(device or source_device).type == "cpu"
    return values if on_cpu else hold(values)


def _copy_to(target, source, non_blocking=False):
    values_of(target).copy_(values_of(source))
    return target


def _reshaped(x, size):
    return hold(values_of(x).reshape(size))


def _deep(original):
    """``__deepcopy__`` that also knows tensors of the device."""

    def deepcopy(tensor, memo):
        if not is_held(tensor):
            return original(tensor, memo)
        if id(tensor) not in memo:
            copied = hold(values_of(tensor).clone())
            if isinstance(tensor, torch.nn.Parameter):
                copied = torch.nn.Parameter(copied)
            memo[id(tensor)] = copied
        return memo[id(tensor)]

    return deepcopy


_setup_privateuseone_for_python_backend(NAME)
torch.__future__.set_overwrite_module_params_on_conversion(True)
for kind in (torch.Tensor, torch.nn.Parameter):
    kind.__deepcopy__ = _deep(kind.__deepcopy__)
_everything = torch.library.Library("_", "IMPL")
_everything.fallback(run, "PrivateUse1")
_aten = torch.library.Library("aten", "IMPL")
for name in WHOLE.split():
    operation, _, overload = name.partition(".")
    whole = getattr(getattr(torch.ops.aten, operation), overload or "default")
    _aten.impl(name, partial(run, whole), "PrivateUse1")
for name, kernel in {
    "_to_copy": _copy,
    "copy_": _copy_to,
    "_copy_from": lambda source, target, _=False: _copy_to(target, source),
    "_local_scalar_dense": lambda x: values_of(x).item(),
    "view": _reshaped,
    "_unsafe_view": _reshaped,
    "arange": lambda end, device=None, **options: hold(torch.arange(end, **options)),
}.items():
    _aten.impl(name, kernel, "PrivateUse1")
