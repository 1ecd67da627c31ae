"""One grammar of dates and times: which texts are times, which instants they are, and which way a column runs.

Imports nothing from the rest of the package. `months` has the names of months, `grammar` says where the parts of a time
stand in its text, `instants` reads columns of texts as nanoseconds.
"""
