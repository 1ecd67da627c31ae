"""Laws that hold for any bytes, looked for a counter-example by atheris (`make fuzz`) or by `tests/test_fuzz.py`."""
