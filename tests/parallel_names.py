"""A small list of parallel names, for several files."""

PARALLEL = """src_lang\ttgt_lang\tsrc\trefs\tkey\tsource
hi\tta\tमन\tமன|மனம்\tman\tplaces
hi\tta\tमन\tமான்\tman\tplaces
hi\tta\tनल\tநல்\tnal\tpeople
ta\thi\tமன\tमन\tman\tplaces
en\thi\tman\tमन\tman\tpeople
"""
