"""Torch apart from what its caller has set, and without a trace left for others."""

import copy
import os
import threading
import warnings
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib import import_module

import torch
from torch.autograd.forward_ad import dual_level, make_dual
from torch.nn import functional, init
from torch.overrides import TorchFunctionMode

MAKERS = {torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.full}
DRAWING = {
    *(getattr(init, name) for name in dir(init) if name.endswith("uniform_")),
    *(getattr(init, name) for name in dir(init) if name.endswith("normal_")),
    *(init.orthogonal_, init.sparse_, torch.rand, torch.randn, torch.randint),
    *(torch.randperm, torch.normal, torch.bernoulli, torch.multinomial),
    *(torch.Tensor.uniform_, torch.Tensor.normal_, torch.Tensor.bernoulli_),
    *(torch.Tensor.random_, torch.Tensor.exponential_, torch.Tensor.cauchy_),
    *(torch.Tensor.log_normal_, torch.Tensor.geometric_, torch.poisson),
    *(torch.Tensor.bernoulli, torch.Tensor.multinomial, torch.binomial),
    *(torch.rand_like, torch.randn_like, torch.randint_like),
}
DROPOUT = {getattr(functional, name) for name in dir(functional) if "dropout" in name}
GUARD = threading.RLock()  # for a moment, of what torch has once for all threads


def usable_device(device):
    """The device by its name; an error if torch cannot use it here."""
    try:
        number = torch.zeros(1, device=own_gpu(device))
        number.item()  # an error where a device only knows shapes
        return number.device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device must be one that torch can use here, got {device!r}: {error}"
        ) from error


def own_gpu(device):
    """The GPU of this process, of several on a machine, where just "cuda" is asked."""
    device, number = torch.device(device), int(os.environ.get("LOCAL_RANK", -1))
    several = device == torch.device("cuda") and number in range(
        torch.cuda.device_count()
    )
    return torch.device("cuda", number) if several else device


@contextmanager
def own_settings(device=None, *, training=False):
    """Compute as torch does by default, whatever is set around.

    Gradients are on in training and off otherwise; autocast, a default device and a
    default type are left aside. In training, products have their full precision and
    there is one thread: it keeps sums in one order, so that results do not depend on
    the number of threads, and on batches of this size it is the fastest.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.set_grad_enabled(training))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        for kind in {"cpu"} | ({device.type} if device else set()):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_dtype() != torch.float32:
            stack.enter_context(SinglePrecision())
        if training:
            stack.enter_context(_full_precision())
            stack.enter_context(_one_thread())
        yield


class SinglePrecision(TorchFunctionMode):
    """Tensors that are made without a type are float32."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Run a function of torch."""
        kwargs = dict(kwargs or {})
        if function in MAKERS and kwargs.get("dtype") is None:
            kwargs["dtype"] = torch.float32
        return function(*args, **kwargs)


class DoublePrecision(TorchFunctionMode):
    """Whatever comes out as float32 is float64, as a module's own constants."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Run a function of torch."""
        made = function(*args, **(kwargs or {}))
        single = torch.is_tensor(made) and made.dtype == torch.float32
        return torch.Tensor.double(made) if single else made


@contextmanager
def _one_thread():
    """Use one thread in the calling thread alone.

    ``torch.set_num_threads`` also sets what threads begin with that have not used torch
    yet; another thread sets that back at once.
    """
    with GUARD:
        own, others = torch.get_num_threads(), _in_new_thread(torch.get_num_threads)

    def use(n):
        with GUARD:
            torch.set_num_threads(n)
            _in_new_thread(torch.set_num_threads, others)

    try:
        use(1)
        yield
    finally:
        use(own)


def _in_new_thread(function, *args):
    """What a function returns in a thread that has not used torch before."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function(*args)))
    thread.start()
    thread.join()
    return found[0]


class _Precision:
    """How many fits want full precision, and what was set before the first of them."""

    users, before = 0, None


@contextmanager
def _full_precision():
    """Full float32 products, a setting of the whole process, while any fit runs."""
    with GUARD:
        if _Precision.users == 0:
            _Precision.before = torch.get_float32_matmul_precision()
            _set_precision("highest")
        _Precision.users += 1
    try:
        yield
    finally:
        with GUARD:
            _Precision.users -= 1
            if _Precision.users == 0:
                _set_precision(_Precision.before)


def _set_precision(precision):
    if torch.get_float32_matmul_precision() != precision:
        torch.set_float32_matmul_precision(precision)


@contextmanager
def forward_mode():
    """Derive in forward mode, of which torch has one level for all threads."""
    with GUARD:
        _load_derivatives()
        yield


@cache
def _load_derivatives():
    """Let torch load what it loads at first, without its warnings and their filters."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`torch.jit", module="torch")
        import_module("torch.fx.experimental.symbolic_shapes")  # where slopes begin
        with dual_level():
            make_dual(torch.zeros(1), torch.zeros(1))


def _begin_child():
    """In a forked process no other thread lives on, so no fit is running.

    Nor do the threads that torch computes on, for which it would wait for ever.
    """
    GUARD.release()
    torch.set_num_threads(1)
    if _Precision.users:
        _Precision.users = 0
        _set_precision(_Precision.before)


if hasattr(os, "register_at_fork"):  # no child inherits the guard while it is held
    os.register_at_fork(
        before=GUARD.acquire,
        after_in_parent=GUARD.release,
        after_in_child=_begin_child,
    )


def generator_from(random_state):
    """A generator of our own, seeded by a ``RandomState``."""
    return torch.Generator().manual_seed(int(random_state.randint(2**31 - 1)))


class Drawing(TorchFunctionMode):
    """What draws, such as initial weights, does so from a generator of our own.

    Parameters
    ----------
    random_state : RandomState
        Seeds the generator.
    """

    def __init__(self, random_state):
        super().__init__()
        self.generator = generator_from(random_state)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Run a function of torch."""
        kwargs = dict(kwargs or {})
        if function in DRAWING and kwargs.get("generator") is None:
            kwargs["generator"] = self.generator
        return function(*args, **kwargs)


class Undrawn(TorchFunctionMode):
    """What would fill a tensor at random, such as initial weights, leaves it."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Run a function of torch, or pass on the tensor that it would fill."""
        kwargs = kwargs or {}
        if function not in DRAWING:
            return function(*args, **kwargs)
        return args[0] if args else kwargs["tensor"]


class DropoutFinder(TorchFunctionMode):
    """Notes whether anything is dropped at random, and drops nothing."""

    found = False

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Run a function of torch, or pass on what it would drop from."""
        if function not in DROPOUT:
            return function(*args, **(kwargs or {}))
        self.found = True
        return args[0] if args else kwargs["input"]


@contextmanager
def seeded(random_state, device):
    """Let torch's own generators draw from a seed, and set them back afterwards.

    For networks that draw when they compute, which take no generator.
    """
    seed = int(random_state.randint(2**31 - 1))
    gpus = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.default_generator.manual_seed(seed)
        for gpu in gpus:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(seed)
        yield


def on_cpu(state):
    """A state of nested dicts and lists, with all tensors in it on the CPU."""
    if torch.is_tensor(state):
        return state.cpu()
    if isinstance(state, list):
        return [on_cpu(part) for part in state]
    if isinstance(state, dict):
        return {name: on_cpu(part) for name, part in state.items()}
    return state


def copied(module, *, share=False):
    """A copy of a module, perhaps one that shares its tensors.

    Sharing makes a module that one thread alone can put other weights into. Tensors
    that are computed anew in each call, as ``weight_norm`` has them, are shared in any
    case.
    """
    memo = {}
    for part in module.modules():
        own = [*part._parameters.values(), *part._buffers.values()] if share else []
        computed = [v for v in vars(part).values() if torch.is_tensor(v)]
        memo |= {id(value): value for value in (*own, *computed) if value is not None}
    return copy.deepcopy(module, memo)
