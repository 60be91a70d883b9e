#!/bin/sh
# Do the tests pass on a lesser processor, and which numbers are equal on all?
#
#     benchmarks/machines.sh [--all | --numbers | tests ...]
#
# Each setting hides instructions of the processor from one library, or sets its threads.
# Without arguments those tests run that compare numbers bit by bit or train networks;
# with --numbers none. PYTHON names the interpreter.
cd "$(dirname "$0")/.." || exit 2
python=${PYTHON:-.venv/bin/python}
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
failed=0

case ${1:-} in
--all) set -- sklabelcraft tests ;;
--numbers) set -- ;;
'') set -- tests/test_reproducible.py tests/test_rankers.py tests/test_hypergradient.py \
    tests/test_topk.py tests/test_topk_transforms.py tests/test_labelers.py \
    tests/test_partial_fit.py tests/test_checkpoint.py tests/test_common.py ;;
esac

while read -r name variables; do
    # shellcheck disable=SC2086  # several variables are several words
    env OMP_NUM_THREADS=1 $variables "$python" benchmarks/_machine_numbers.py \
        "$found" "$name" </dev/null || failed=1
    [ $# -eq 0 ] && continue
    # shellcheck disable=SC2086
    if env OMP_NUM_THREADS=1 $variables "$python" -m pytest -q --tb=short \
        -p no:cacheprovider "$@" </dev/null >"$found/$name.log" 2>&1; then
        echo "$name: $(tail -n 1 "$found/$name.log")"
    else
        failed=1
        echo "$name: FAILED"
        grep -E '^(FAILED|ERROR|E  )' "$found/$name.log"
    fi
done <<'SETTINGS'
as_it_is
torch_avx2 ATEN_CPU_CAPABILITY=avx2
torch_sse ATEN_CPU_CAPABILITY=default
mkl_avx2 MKL_ENABLE_INSTRUCTIONS=AVX2
mkl_sse MKL_ENABLE_INSTRUCTIONS=SSE4_2
mkl_alike MKL_CBWR=COMPATIBLE
onednn_avx2 ONEDNN_MAX_CPU_ISA=AVX2
onednn_sse ONEDNN_MAX_CPU_ISA=SSE41
openblas_avx512 OPENBLAS_CORETYPE=SkylakeX
openblas_sse OPENBLAS_CORETYPE=Prescott
numpy_avx2 NPY_DISABLE_CPU_FEATURES=X86_V4,AVX512_ICL
numpy_sse NPY_DISABLE_CPU_FEATURES=X86_V3,X86_V4,AVX512_ICL
all_avx2 ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 OPENBLAS_CORETYPE=Haswell NPY_DISABLE_CPU_FEATURES=X86_V4,AVX512_ICL
all_sse ATEN_CPU_CAPABILITY=default MKL_ENABLE_INSTRUCTIONS=SSE4_2 ONEDNN_MAX_CPU_ISA=SSE41 OPENBLAS_CORETYPE=Prescott NPY_DISABLE_CPU_FEATURES=X86_V3,X86_V4,AVX512_ICL
two_threads OMP_NUM_THREADS=2
SETTINGS
"$python" benchmarks/_machine_numbers.py "$found"
exit $failed
