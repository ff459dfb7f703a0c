"""The ten digits as codes of 84 numbers for a radial-basis output.

LeNet-5's output units each stand for "a stylized image of the corresponding
character class drawn on a 7×12 bitmap", of which every pixel is one of the 84 units
before it, −1 or +1 (LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning
Applied to Document Recognition", section II.B and figure 3). Digits that look alike
get codes that lie close together. The drawings here are our own; read across,
they are 0 to 4, and 5 to 9 below.
"""

from __future__ import annotations

WIDTH, HEIGHT = 7, 12

DRAWINGS = """
.#####. ...#... .#####. .#####. ....##.
##...## ..##... ##...## ##...## ....##.
##...## .###... ##...## .....## ...###.
##...## ####... .....## .....## ..####.
##...## ..##... .....## .....## ..#.##.
##...## ..##... ....##. ..####. .##.##.
##...## ..##... ...##.. .....## .#..##.
##...## ..##... ..##... .....## #######
##...## ..##... .##.... .....## ....##.
##...## ..##... ##..... .....## ....##.
##...## ..##... ##..... ##...## ....##.
.#####. ######. ####### .#####. ....##.

####### ..####. ####### .#####. .#####.
##..... .##.... ##...## ##...## ##...##
##..... ##..... .....## ##...## ##...##
##..... ##..... .....## ##...## ##...##
##..... ##..... ....##. ##...## ##...##
######. ######. ....##. .#####. ##...##
.....## ##...## ...##.. ##...## .######
.....## ##...## ...##.. ##...## .....##
.....## ##...## ..##... ##...## .....##
.....## ##...## ..##... ##...## .....##
##...## ##...## ..##... ##...## ....##.
.#####. .#####. ..##... .#####. .####..
"""


def digit_codes() -> tuple[tuple[float, ...], ...]:
    """Return the codes of the digits 0 to 9, 84 numbers each: +1 for ink, −1 for none.

    Returns:
        (10, 84); each row is a bitmap of height 12 and width 7, read row by row.

    Examples:
        >>> four = digit_codes()[4]
        >>> for i in range(0, 84, 7):
        ...     print("".join("#" if value > 0 else "·" for value in four[i : i + 7]))
        ····##·
        ····##·
        ···###·
        ··####·
        ··#·##·
        ·##·##·
        ·#··##·
        #######
        ····##·
        ····##·
        ····##·
        ····##·
    """
    lines = [line.split() for line in DRAWINGS.split("\n") if line]
    upper, lower = lines[:HEIGHT], lines[HEIGHT:]
    bitmaps = ["".join(rows) for half in (upper, lower) for rows in zip(*half, strict=True)]
    return tuple(tuple(1.0 if mark == "#" else -1.0 for mark in bitmap) for bitmap in bitmaps)
