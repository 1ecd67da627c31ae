"""The grammar of dates and times: which texts are times, and which instants they mean.

Imports nothing from the rest of the package. `months` has the names of months, `grammar` locates the parts of a time in
its text, and `instants` reads columns of texts as nanoseconds.
"""
