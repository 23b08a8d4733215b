"""The artefacts of a run: page, workbook, findings for machines, a notebook fragment. All from one `ReportContext`.

`build_context` (context.py) takes a snapshot and its results; html.py, excel.py, exports.py and notebook.py write it.
Heavy libraries (jinja2, openpyxl, matplotlib) are imported by the module that needs them, on first use.
"""
