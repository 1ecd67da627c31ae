"""Laws that hold for any bytes; atheris (`make fuzz`) and `tests/laws/test_fuzz.py` search for counter-examples."""
