"""How the judge is made, checked and replaced: tables of ratings in, one ONNX file out.

Nothing here is needed to judge; ``onnx`` (extra ``fit``) is needed only to write a file.
"""
