"""The output formats: what an instruction asks for is written here, and read back from a model's or a person's text.

Six families, for boxes and for polygons. `W` and `H` are the image's width and height in pixels, `R` the range.

=======  ==========================================  =========================================  ================
family   one object                                  coordinates                                a step
=======  ==========================================  =========================================  ================
tuple    `(dog, 12, 30, 200, 310)` a line            as asked                                   as below
tokens   `<c0> <p12> <p-30> <p200> <p310>` a line    as asked, always in range                  as below
json     `{"label": "dog", "bbox": [12, 30, ...]}`   as asked                                   as below
coco     an annotation of a data set of one image    x, y, width, height in pixels              0.01 px
yolo     `0 0.18 0.42 0.3 0.6` a line                cx, cy, width, height as shares            0.001 px or less
voc      an `object` of an `annotation`              corners in pixels that count from 1        1 px
=======  ==========================================  =========================================  ================

=======  =============================  ===================================  ====================================
scale    absolute coordinate            offset from the centre               a step
=======  =============================  ===================================  ====================================
pixel    0 to W or H                    -W to W or -H to H                   1 px; in JSON 0.01 px
unit     0 to 1                         -1 to 1                              0.001 px or less, at least 4 digits
range    whole, 0 to R: i/R of W or H   whole, -R to R: i/R of W or H        W/R or H/R
=======  =============================  ===================================  ====================================

What is written is the nearest step, so what is read back is within one step of what was written.

The numbers of a record stand in this order, and `layout` gives them with their bounds for any format:

- the class: a name, `<c0>`, or an index from 0 in the order of the class set;
- for offsets the centre, the middle of the object's box, `cx, cy`; not where the instruction forbids it, and then the
  text starts with a remark that the position is lost, and cannot be read back;
- a box: `x1, y1, x2, y2`, or `x, y, w, h`, or `cx, cy, w, h`; with offsets the corners are offsets and sizes stay
  sizes, and of centre and size only the size remains beside the centre: `cx, cy, w, h`, without the centre `w, h`;
- or a polygon: `x1, y1, ..., xn, yn`, of exactly as many vertices as were asked for, else of 3 or more. JSON and COCO
  hold every ring of an object in several parts, the others one ring, whose parts are joined by lines of no width;
- last the score, 0 to 1 with four digits, where it is asked for and the model gives one.

Grammar of the two families that a language model writes (blanks between parts are free; `#` starts a remark)::

    tuples: (tuple "\\n")*
    tuple:  "(" class ("," number)+ ")"
    tokens: (class_token ("<p" integer ">")+ number? "\\n")*
    class:  class_token | integer | bare_name | json_string
    class_token: "<c" integer ">"
    bare_name:   a letter, then letters, digits, blanks and _ - ' . / & + (not a blank or any of - ' / last)

Reading never evaluates anything, refuses documents with a document type, and is bounded in characters and objects.
"""

from vision.detections.formats.effective import Layout, Value, effective, layout
from vision.detections.formats.reading import POSITION_LOST, losses, read, write

__all__ = ["POSITION_LOST", "Layout", "Value", "effective", "layout", "losses", "read", "write"]
