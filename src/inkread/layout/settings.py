"""Every threshold of layout analysis.

Usage: ``Analyser(detector, LayoutSettings(column_gap=3.0))``

The defaults were chosen on the val pages of the datasets that the model card lists. Lengths are given in units that
grow with the writing, so that one default serves every resolution:

* *thickness*: the extent of a ribbon of the detector's map across its line, about the x-height of the writing;
* *share*: a fraction of what the field's name says;
* *map pixel*: a pixel of the scaled page that the detector sees.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutSettings:
    """Thresholds of `inkread.layout`; each field names its unit and what its default is good for."""

    side: int = 864
    """Map pixels: longer side of the page in the first look. On 115 pages of val the 960 of the detector's authors find
    lines no better (decision 0080); a larger side costs time by its square."""
    min_side: int = 256
    """Map pixels: least side of a second look. Below it a page of a few words has too few pixels for the network."""
    max_side: int = 2400
    """Map pixels: largest side of a second look, which bounds memory and time of a page with tiny writing."""
    min_thickness: float = 8.5
    """Map pixels: thinner writing gets a second look at a larger side, because the network misses strokes below it."""
    best_thickness: float = 11.0
    """Map pixels: the thickness that a second look aims at, at which its map of the val pages was best."""
    max_thickness: float = 30.0
    """Map pixels: thicker writing gets a second look at a smaller side, because the network breaks it into letters."""

    threshold: float = 0.3
    """Probability above which a map pixel is text; the value of the detector's authors."""
    split_thresholds: tuple[float, ...] = (0.5, 0.7, 0.85)
    """Probabilities tried one after the other on a ribbon that holds two lines: touching lines part at one of them."""
    min_peak: float = 0.5
    """Probability that the best pixel of a ribbon must reach; smears and show-through stay below it."""
    min_pixels: int = 12
    """Map pixels: area of the least ribbon; specks are smaller, a full stop with its comma is larger."""
    double_share: float = 0.15
    """Share of columns that cross a ribbon twice, above which it holds two lines; loops of letters stay below it."""
    double_run: float = 1.5
    """Thicknesses of a stretch of columns that cross a ribbon twice, from which it holds two lines too: an inserted
    word touches its line there; loops of letters are shorter."""
    vertical_ratio: float = 2.5
    """Height by width above which a ribbon runs up the page; single tall letters stay below it."""
    letter_ratio: float = 0.7
    """Height by width above which a ribbon that goes on with writing up the page can be single letters of it; level
    words are wider."""
    upright_length: float = 4.0
    """Usual thicknesses of the shortest line up a page of level lines; rulings and brackets that pass for writing are
    shorter."""

    ruling_share: float = 0.12
    """Share of the page's height that a ruling must reach; long letters and brackets are shorter."""
    ruling_gap: float = 0.01
    """Share of the page's height of the gaps that are closed in a ruling, for broken print and faint ink."""
    ruling_contrast: int = 10
    """Grey levels (of 255) that a ruling must be darker than the paper beside it; the grain of paper stays below it."""
    ruling_width: float = 8.0
    """Map pixels: mean width that a ruling must stay below; borders of photographs and shadows are wider."""

    max_gap: float = 7.0
    """Thicknesses between two pieces of one line; wider gaps are mostly other columns."""
    max_overlap: float = 1.0
    """Thicknesses that two pieces of one line may overlap along it."""
    max_step: float = 1.0
    """Thicknesses across the line between two pieces that meet; the next line is more than two away."""
    max_thickness_ratio: float = 2.2
    """Thicker by thinner piece of one line; headings beside small notes are further apart."""
    slope_reach: float = 12.0
    """Thicknesses at the end of a piece from which its direction is taken: long enough to level out letters."""
    step_weight: float = 3.0
    """What a step across the line costs, in gaps of the same length, when pieces compete for a neighbour."""
    gutter_gap: float = 2.0
    """Thicknesses: a gap narrower than this never separates columns; spaces between words are narrower."""
    gutter_piece: float = 8.0
    """Thicknesses that the piece left of a gutter must reach; verse numbers and bullets are shorter."""
    gutter_alignment: float = 2.0
    """Thicknesses within which the starts of lines count as aligned at the edge of a column."""
    gutter_starts: int = 3
    """Aligned starts that an edge of a column must exceed; fewer happen by chance within a paragraph."""

    cut_lines: int = 4
    """Lines that must end on the left of a gutter and begin on its right; fewer prove nothing."""
    cut_step: float = 0.5
    """Thicknesses from one place where a gutter is tried to the next; ends of lines vary by more."""
    cut_slope: float = 0.06
    """Steepest gutter, as sideways by height: pages lie less than 3.5 degrees askew."""
    cut_slope_step: float = 0.01
    """Step of the slopes that are tried; moves a gutter by about half a thickness over a page."""
    cut_odds: float = 1000.0
    """How much likelier than chance a gutter must be after all that was tried: one false one in so many pages."""
    cut_doubt: tuple[float, float] = (2.5, 1e10)
    """Odds between which a gutter over most of a page is left to the language model: the one composed spread that
    geometry missed lies between, and so do most of the false gutters of single pages."""
    cut_doubt_height: float = 0.7
    """Share of the height of the writing that such a gutter must reach; shorter ones part a few lines only."""
    cut_word_space: float = 2.0
    """Thicknesses of the widest space between words."""
    cut_chance: float = 0.05
    """Least probability that a place of a line lies between two pieces of it, and the probability that a line runs
    across a true gutter because the detector joined two."""
    cut_slack: float = 0.5
    """Thicknesses that a line may reach into a gutter."""
    cut_column: float = 8.0
    """Thicknesses of the narrowest column; narrower ones are margins of numbers or signs."""
    cut_reach: float = 1.5
    """Thicknesses that a gutter goes on above its first and below its last line."""
    cut_part: float = 4.0
    """Thicknesses of the shorter part that a cut through a line may leave; a line that reaches less far stays whole."""
    cut_heading_inset: float = 0.15
    """Share of a column that stays blank on both sides of a heading over two columns, which stays whole too."""

    row_tolerance: float = 0.3
    """Line distances between the baselines of one row of a table; half a line apart are two rows."""
    row_step: float = 2.5
    """Usual steps from row to row that a table may have between two rows; longer ones end it."""
    row_alone: int = 1
    """Rows of one cell that may stand between rows of several; more are text."""
    table_rows: int = 3
    """Rows of several cells that make a table; two lines stand beside one another by chance."""
    table_column: float = 0.08
    """Share of the rows that must have a cell in a column; stray marks form no column."""
    table_fill: float = 0.65
    """Share of the columns that a full row has cells in; a row of a register begins an entry or goes on with one."""
    table_share: float = 0.6
    """Share of the rows of a table that must be full; registers, whose entries have several lines, have fewer and are
    read by column."""
    table_usual: float = 0.25
    """Share of the rows that have as many cells as a table has columns; longer rows are rarer and hold split cells."""
    table_large: int = 8
    """Rows from which a table may have rows of unequal cells; fewer uneven rows happen by chance."""
    table_alike: float = 0.75
    """Share of the rows of a smaller table that must have the same number of cells."""
    table_ragged: float = 0.12
    """Share of a column's width by which the usual cell stays short of the longest ones; prose fills its lines."""
    table_writing: float = 0.75
    """Share of the width of a table that writing covers in the median row; columns of prose cover more."""
    table_height: float = 0.5
    """Share of the height of a gutter between its cells that a table must reach; the gutter of columns of a table ends
    with it."""
    table_short_cell: float = 0.5
    """Longest last cell of a table of two columns, as a share of the first: amounts beside items, not prose."""

    grid_height: float = 0.55
    """Share of the page's height that a ruling of a register must reach; edges of notes and stamps are shorter."""
    grid_columns: int = 4
    """Columns of a register; fewer are told from text by their lines alone."""
    grid_crossed: float = 0.06
    """Share of the lines that may run across a ruling between two columns; in ruled notebooks most do."""
    grid_head_width: float = 0.5
    """Share of the width of a register that the ruling under its headings must reach."""
    grid_head_inset: float = 0.03
    """Share of the height of a register that its headings take at least; the frame lies above."""
    grid_fill: float = 0.56
    """Share of the rows in which two columns must have cells, so that entries take one row each; where entries take
    two lines or more, only their longest column has cells in so many."""
    cell_dip: float = 0.95
    """Probability of text below which a line that runs across a ruling of a register is two cells."""
    cell_reach: float = 4.0
    """Map pixels beside a ruling within which the map must be so unsure."""
    cell_part: float = 0.5
    """Thicknesses of the shorter piece of a line that is parted at a ruling; the tail of a letter is shorter."""
    record_cells: int = 4
    """Least cells beside the longest column in the first row of an entry."""
    record_share: float = 0.65
    """Share of the cells beside the longest column that must stand in the first row of an entry, so that a register is
    read entry by entry; notes in a last row make it lower."""

    baseline_offset: float = 0.45
    """Thicknesses from the centre of a ribbon down to the baseline: ribbons cover the x-height."""
    outline_height: float = 2.6
    """Thicknesses between top and bottom of an outline, which takes in ascenders and descenders."""
    end_extension: float = 0.7
    """Thicknesses that a line is lengthened at both ends, because ribbons stop within the first and last letter."""
    tolerance: float = 0.08
    """Thicknesses that a baseline may deviate from the traced curve when its points are thinned out."""

    beside_share: float = 0.15
    """Share of the shorter line that two lines may overlap sideways and still stand beside one another."""
    row_share: float = 0.5
    """Line distances: lines that stand beside one another at most so far apart in height share a row."""
    column_rows: int = 3
    """Rows that two columns must share to be read one after the other; the head and the close of a letter share fewer,
    and are read from above."""
    crossing_part: float = 0.5
    """Line distances that a line must reach into both columns to part what stands above it from what stands below."""
    margin_width: float = 0.5
    """Share of the width of long lines that a line of the body must exceed; notes in a margin are narrower."""
    margin_lines: int = 5
    """Lines that a body must have before what stands beside it is a margin."""
    margin_share: float = 0.4
    """Most lines in the margins, as a share of the lines of the body; more are a column."""
    insertion_lines: int = 4
    """Lines of a page that has insertions; fewer have no usual distance."""
    insertion_width: float = 0.6
    """Most width of an insertion, as a share of that of its line."""
    insertion_within: float = 0.7
    """Share of an insertion that must stand above its line."""
    insertion_step: tuple[float, float] = (0.15, 0.7)
    """Line distances from an insertion down to its line; lines of a text are farther apart, those of a row nearer."""
    insertion_above: float = 1.1
    """Line distances up to the line above an insertion, at most; below a larger gap stand headings."""
    insertion_inset: float = 0.75
    """Line distances from the left edge of the text: what starts nearer is the last line of a paragraph..."""
    insertion_below: float = 0.75
    """...if it also stands so many line distances below the line above."""
    insertion_room: float = 1.8
    """Line distances from the line above an insertion down to its line, at most: no full line stands between them."""
    insertion_reach: float = 0.5
    """Widths of an insertion that its place may lie beside it."""
    insertion_weight: float = 2.0
    """What a place that far beside an insertion costs, in natural logarithms of the language model."""
    column_gap: float = 2.5
    """Usual line distances: a larger step down begins a new region."""


DEFAULT_LAYOUT = LayoutSettings()
