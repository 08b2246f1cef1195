"""What all algorithms share: programs, the lanes they run in, and the plumbing from parameters to kernels.

An algorithm is one or more programs (`program.py`): functions over one parameter's arrays, in torch's own words. The
same function runs
- on one tensor after the other (`lanes.TensorLane`): the exact mode, bit-identical to the reference;
- on many tensors at once through torch (`tape.py`, `flat.py`; `stacks.StackLane`): where there is no compiler;
- traced (`trace.py`) and written as C (`emit.py`), for the CPU (`native.py`) and for CUDA (`cuda.py`): one launch for
  all tensors, nothing copied, no temporary.

Which of them is decided at run time by `backend.py`, per device, and never becomes part of the state.
"""
