"""The units and prefixes medicine uses, as UCUM defines them (tables 1 to 22): what each is of other units, and whether prefixes fit.

Factors are exact. Temperatures have a shift: kelvin = value × factor + shift.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple


class Entry(NamedTuple):
    """`factor` of the units in `of`; a base unit has none. `metric` units take prefixes."""

    of: str | None
    factor: Fraction = Fraction(1)
    metric: bool = False
    shift: Fraction = Fraction(0)


def _of(of: str | None, factor: str = "1", metric: bool = False, shift: str = "0") -> Entry:
    return Entry(of, Fraction(factor), metric, Fraction(shift))


PREFIXES = {
    "Y": Fraction(10) ** 24, "Z": Fraction(10) ** 21, "E": Fraction(10) ** 18, "P": Fraction(10) ** 15, "T": Fraction(10) ** 12,
    "G": Fraction(10) ** 9, "M": Fraction(10) ** 6, "k": Fraction(1000), "h": Fraction(100), "da": Fraction(10),
    "d": Fraction(1, 10), "c": Fraction(1, 100), "m": Fraction(1, 1000), "u": Fraction(1, 10**6), "n": Fraction(1, 10**9),
    "p": Fraction(1, 10**12), "f": Fraction(1, 10**15), "a": Fraction(1, 10**18), "z": Fraction(1, 10**21), "y": Fraction(1, 10**24),
}  # fmt: skip

UNITS: dict[str, Entry] = {
    # base units (table 1), and the dimensions kept apart here
    **{name: _of(None, metric=True) for name in ("m", "s", "g", "rad", "K", "C", "cd", "mol", "[IU]", "eq", "osm")},
    **{name: _of(None) for name in ("[pH]", "[arb'U]", "[USP'U]", "[CFU]", "[PFU]", "[APL'U]", "[GPL'U]", "[MPL'U]", "[EU]")},
    **{name: _of(None) for name in ("[anti'Xa'U]", "[ELU]", "[beth'U]", "[dye'U]", "[AU]", "[BAU]", "[D'ag'U]", "[Lf]", "[TCID_50]")},
    **{name: _of(None) for name in ("[CCID_50]", "[FFU]", "[HPF]", "[LPF]", "[S]", "[todd'U]", "[tb'U]", "[knk'U]", "[mclg'U]", "[p'diop]")},
    # dimensionless (table 2)
    "%": _of("10*-2"), "[ppth]": _of("10*-3"), "[ppm]": _of("10*-6"), "[ppb]": _of("10*-9"), "[pptr]": _of("10*-12"),
    # derived SI and units used with SI (tables 3 to 5)
    "sr": _of("rad2", metric=True), "Hz": _of("s-1", metric=True), "N": _of("kg.m/s2", metric=True), "Pa": _of("N/m2", metric=True),
    "J": _of("N.m", metric=True), "W": _of("J/s", metric=True), "A": _of("C/s", metric=True), "V": _of("J/C", metric=True),
    "F": _of("C/V", metric=True), "Ohm": _of("V/A", metric=True), "S": _of("Ohm-1", metric=True), "Wb": _of("V.s", metric=True),
    "T": _of("Wb/m2", metric=True), "H": _of("Wb/A", metric=True), "lm": _of("cd.sr", metric=True), "lx": _of("lm/m2", metric=True),
    "Bq": _of("s-1", metric=True), "Gy": _of("J/kg", metric=True), "Sv": _of("J/kg", metric=True), "kat": _of("mol/s", metric=True),
    "U": _of("umol/min", metric=True), "Cel": _of("K", metric=True, shift="273.15"), "l": _of("dm3", metric=True), "L": _of("l", metric=True),
    "ar": _of("m2", "100", metric=True), "t": _of("kg", "1000", metric=True), "bar": _of("Pa", "100000", metric=True),
    "u": _of("g", "1.6605402e-24", metric=True), "eV": _of("J", "1.60217733e-19", metric=True),
    "min": _of("s", "60"), "h": _of("min", "60"), "d": _of("h", "24"), "wk": _of("d", "7"), "a_j": _of("d", "365.25"), "a": _of("a_j"),
    "mo_j": _of("a_j", "1/12"), "mo": _of("mo_j"), "a_g": _of("d", "365.2425"), "a_t": _of("d", "365.24219"), "mo_s": _of("d", "29.53059"),
    "mo_g": _of("a_g", "1/12"), "deg": _of("rad", "0.017453292519943295769"), "'": _of("deg", "1/60"), "''": _of("'", "1/60"),
    "gon": _of("deg", "0.9"), "[degF]": _of("K", "5/9", shift="45967/180"),
    # clinical (tables 12 to 18)
    "m[Hg]": _of("kPa", "133.3220", metric=True), "m[H2O]": _of("kPa", "9.80665", metric=True), "[in_i'Hg]": _of("m[Hg]", "0.0254"),
    "[in_i'H2O]": _of("m[H2O]", "0.0254"), "mesh_i": _of("[in_i]-1"), "[diop]": _of("m-1"), "[mesh_i]": _of("[in_i]-1"),
    "[drp]": _of("ml", "1/20"), "[HP'U]": _of(None), "[MET]": _of("mL/min/kg", "3.5"), "[iU]": _of("[IU]", metric=True),
    "cal": _of("J", "4.184", metric=True), "[Cal]": _of("kcal"), "cal_th": _of("J", "4.184", metric=True), "cal_IT": _of("J", "4.1868", metric=True),
    "dyn": _of("g.cm/s2", metric=True), "P": _of("dyn.s/cm2", metric=True), "St": _of("cm2/s", metric=True), "R": _of("C/kg", "0.000258", metric=True),
    "RAD": _of("erg/g", "100", metric=True), "REM": _of("RAD", metric=True), "erg": _of("dyn.cm", metric=True), "Ci": _of("Bq", "3.7e10", metric=True),
    "[in_i]": _of("cm", "2.54"), "[ft_i]": _of("[in_i]", "12"), "[yd_i]": _of("[ft_i]", "3"), "[mi_i]": _of("[ft_i]", "5280"),
    "[lb_av]": _of("[oz_av]", "16"), "[oz_av]": _of("[gr]", "437.5"), "[gr]": _of("mg", "64.79891"), "[stone_av]": _of("[lb_av]", "14"),
    "[gal_us]": _of("[in_i]3", "231"), "[qt_us]": _of("[gal_us]", "1/4"), "[pt_us]": _of("[qt_us]", "1/2"), "[cup_us]": _of("[pt_us]", "1/2"),
    "[foz_us]": _of("[gal_us]", "1/128"), "[tbs_us]": _of("[foz_us]", "1/2"), "[tsp_us]": _of("[tbs_us]", "1/3"), "[Ch]": _of("mm", "1/3"),
    "[pi]": _of("10*0", "3.1415926535897932384626433832795028841971693993751"), "[c]": _of("m/s", "299792458", metric=True),
}  # fmt: skip
