"""The first start: a virtual environment beside main.py with everything in it. Standard library only.

`setup.ensure` is what main.py calls; the rest are its parts: the fast check and the stamp (`stamp`), running pip with
progress (`pip_runner`), Qt's system libraries on Linux (`system_libraries`), and where torch comes from (`torch_index`).
"""
