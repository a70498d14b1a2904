"""The words and phrases that have a part in an instruction, by the part that they play.

Each table was gone through by hand. A word stands under "filler" only if nothing is lost when it is passed over:
it says
neither what is looked for nor which of it nor how it is written. What is in no table is a word for something in the
image, or it is reported as not understood.
"""

from __future__ import annotations


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase for line in text.split("\n") for phrase in line.strip().split(", ") if phrase)


FINDING = _phrases(
    """write, write down, print, save, save them, save it, store, export, dump, find, find out, find me, detect
    locate, localise, identify, spot, mark, mark up, box, box up, label, show, show me, give, give me, get
    get me, pick, pick out, point out, point at, point to, point me to, highlight, recognise, search, search for
    look for, looking for, hunt for, hunting for, seek, need, want, would like, return, list, output, report
    annotate, frame, enclose, bound, circle, tag, extract, display, fetch, select, choose, discover, track down
    see, where, where is, where are, where was, where were, provide, deliver, single out, isolate, capture
    map out, pinpoint, draw around, put boxes around, draw boxes around, include, keep, consider, name, indicate
    mention, determine, count up, catch, hand me, bring me, interested in, care about, cares about, after
    check for, watch for, watch out for, look out for, list out, enumerate, collect, gather, retrieve, pull out
    flag, flag up, call out, mark out, ring, notice, discern, distinguish, seeking, searching for, finding
    detecting, locating, identifying, spotting, marking, labelling, showing, giving, returning, listing
    highlighting, annotating, selecting, searching, is there, are there, ground, grounding, pick up, try to find
    boxing, lookup, look up, send me, predict, mentioning, keeping, concentrate on, focus on, focus only on
    restrict yourself to"""
)
"""Verbs whose object is what is looked for."""

TELLING = _phrases(
    """tell, tell me, answer, reply, respond, draw, put, place, use, make, do, have, has, had, having, let, let us
    examine, analyse, inspect, check, go through, look at, look through, look over, take, take a look at, look
    study, view, ensure, make sure, represent, represented, express, expressed, encode, encoded, state, compute
    calculate, generate, produce, create, apply, set, assume, suppose, know, know about, see to it, run, perform
    carry out, conduct, reports, gives, describe, described, describing, specify, format, be, work out, render
    append, add, adding, attach, start, begin, end, deal with, imagine, think of, restrict, limit, read, given
    written, writing, formatted, giving, outputting, saving, dump, supply, present, convert, treat, regard
    understand, remember, note, remember that, note that, believe, expect"""
)
"""Verbs whose object is the image or the output; something in the image is only meant with "for", "of" or "around"."""

FOREIGN = _phrases(
    """email, mail, e-mail, delete, erase, paint, repaint, sing, dance, send, upload, download, translate, buy
    sell, call, phone, text, reveal, forget, pretend, act, become, behave, compare, colour, recolour, blur, crop
    resize, rotate, flip, enhance, edit, replace, convert, post, tweet, publish, share, classify, track, measure
    weigh, estimate, guess, cook, eat, feed, kill, destroy, shoot, hug, kiss, love, hate, hack, execute, sudo
    open, close, browse, google, order, book me, pay, invoice, summon, animate, cartoonise, stylise, sharpen
    brighten, darken, straighten, move, swap, insert, write me, compose, rhyme, joke, laugh, cry, feel, dream
    hallucinate, think, decide, judge, rate, rank, grade, critique, praise, rename, copy, paste, cut, merge
    split, group, cluster, sort, arrange, shuffle, reorder, explain, say, justify, argue, prove, solve
    integrate, differentiate, factorise, disregard all, override, bypass, disable, enable, reset, reboot, shut
    turn, play, pause, record, film, photograph, walk, run away, go, come, leave, visit, tidy, clean, wash
    repair, transfer, donate, lend, borrow, steal, lock, unlock, start up, shut down, launch, fly, drive, ride
    jump, climb, swim, throw, kick, push, pull, lift, carry, hold, grab, cover, uncover, dress, undress, marry
    invite, meet, invent, design, plan, schedule, book a, cancel, confirm, approve, reject, apologise, promise
    swear, lie to, trick, hallucinate, spell, count backwards, recite, narrate, interview, discuss, debate
    argue, review, teach, learn, train, fine-tune, optimise, benchmark, evaluate, test, debug, compile, commit
    deploy, scrape, crawl, ping, redact, mosaic, denoise, upscale, downscale, vectorise, filter, invert, mirror
    tint, shade, decorate, rearrange, pray, bless, curse, insult, tease, flatter, impress, surprise, scare
    chase, hunt down, feed them, pet, stroke, tickle, bake me, grill, roast, chop, slice, peel, mix, stir, serve
    trade, exchange, refund, charge, bill, fix, build, break, burn, melt, freeze, bake, boil, fry, pour, drink
    taste, smell, hear, listen, speak, whisper, shout, obey, refuse, comply, roleplay, role-play, simulate
    emulate, recolor, ask, inform, notify, warn, alert, beep, wait, sleep, sum, add up, multiply, average
    name after, greet, thank the, wish, congratulate, remove, wipe, censor, pixelate, hide, anonymise, colourise
    zoom, print out, fax, ship, deliver to, forward, subscribe, follow me, upvote, vote, sign, encrypt, decrypt
    compress, zip, unzip, install"""
)
"""Common verbs that ask for something else than finding and writing; what they ask for is reported, not done."""

EXCEPT = _phrases(
    """except, except for, excepting, excluding, exclude, excludes, other than, apart from, aside from, but not
    but no, but without, but ignore, but exclude, but skip, but leave out, save for, bar, barring, ignore
    ignoring, skip, skipping, leave out, leaving out, leave aside, leaving aside, leave off, omit, omitting
    drop, dropping, discard, discarding, disregard, disregarding, minus, with the exception of, not, no, never
    none of, and not, not counting, not including, but for, all but, everything but, anything but, every but
    rather than, instead of, do not, do not find, do not detect, do not show, do not show me, do not mark
    do not box, do not label, do not include, do not return, do not list, do not report, do not count
    do not want, do not need, do not give, do not give me, do not output, do not draw, do not bother with
    do not care about, do not look for, not interested in, no need for, without, nor, and no, or any
    that is not, that are not, which is not, which are not, that is no, that are no, who are not, who is not
    neither, outside of, beyond just, but leave, but drop, but omit, but discard, not the, if it is not
    unless it is, unless they are, unless"""
)
"""What rules out the classes that follow, up to the end of the clause or the next verb."""

EXCEPT_VERBS = frozenset(
    [
        "ignore",
        "ignoring",
        "skip",
        "skipping",
        "omit",
        "omitting",
        "drop",
        "dropping",
        "discard",
        "discarding",
        "disregard",
        "disregarding",
        "exclude",
    ]
) | {phrase for phrase in EXCEPT if phrase.startswith(("do not", "leave", "leaving"))}
"""Those of them that are orders of their own: what they rule out may be qualified ("ignore cars below 40 pixels")."""

RELATIONS = _phrases(
    """using, left of, to the left of, on the left of, on the left side of, to the left side of, at the left of
    right of, to the right of, on the right of, on the right side of, to the right side of, at the right of
    next to, right next to, directly next to, beside, besides, near, near to, nearest, nearest to, nearer to
    nearer, closest to, closest, closer to, close to, close by, by, behind, right behind, in front of
    in the front of, at the front of, under, underneath, beneath, below, above, directly above, directly below
    over, on, on top of, at the top of, on the top of, atop, upon, onto, in, inside, inside of, within, into
    with, between, in between, in the middle of, among, amongst, amid, against, around, round, across from
    opposite, opposite to, facing, touching, overlapping, overlapping with, surrounding, surrounded by, far from
    furthest from, farthest from, further from, farther from, far away from, away from, furthest away from, at
    along, beyond, past, through, off, bigger than, larger than, smaller than, taller than, higher than
    lower than, wider than, attached to, connected to, adjacent to, alongside, as big as, bigger, not near
    not on, not in, not inside, not under, not next to, not beside, not behind, not above, not below
    not wearing, not holding, not riding, not with, not by, not at, covered by, covered with, covered in
    filled with, full of, made of, seated at, seated on, who has, who have, that has, that have, which has
    which have, whose, to the side of, at the side of, on the side of, on either side of, either side of, toward
    towards, not touching, not overlapping, not close to, not between, not in front of, not left of
    not right of, not to the left of, not to the right of, level with, in the hands of, in the hand of
    belonging with, at the foot of, at the end of, on the back of, at the back of, in the back of, in the lap of
    on the edge of, at the edge of, leftmost of, diagonal to"""
)
"""What relates an object to another one. Between two things in the image they make a referring expression."""

OF = _phrases(
    "of, for, around, about, per, on, over, across, from, in, as many, such as, like, including, especially, "
    "namely, i.e., e.g., called, named, say"
)
"""After a noun of the output ("boxes around the horses") these lead to what is looked for."""

OTHER_PREPOSITIONS = _phrases(
    """to, as, via, per, according to, due to, because of, based on, depending on, in terms of, with regard to
    in view of, than, during, after, before, since, until, despite, concerning, regarding, out of, up, down
    against, into, in order of, sorted by, ordered by, ranked by, grouped by, while, whilst, if, when, because
    although, though, so that, where possible, like a, as a, as an, as if"""
)

AND = _phrases(
    "and, or, plus, &, as well as, along with, together with, in addition to, and also, also, too, then, and then, "
    "but, but also, both, either, and/or, +, /, followed by, afterwards, next, finally, respectively"
)

DETERMINERS = _phrases(
    """the, a, an, any, every, each, all, some, this, that, these, those, my, your, his, her, its, their, our
    several, many, few, a few, multiple, various, all the, all of the, all of, each of, each of the
    every one of the, any of the, some of the, most of the, every single, each and every, every last
    any and all, whichever, all those, all these, another, certain, a number of, lots of, a lot of, plenty of
    whole, entire, different, other, such, more, much, most of, either of, both of, both the, every one of
    each one of, all kinds of, all sorts of, all types of, any kind of, any sort of, any type of, any kinds of
    kinds of, types of, every kind of, every type of, a pair of, pairs of, one or more, at least one
    the number of, which, what, whatever, what kind of, what kinds of"""
)

PRONOUNS = _phrases(
    """i, we, you, it, he, she, they, them, him, me, us, one, ones, itself, themselves, who, whom, yours, mine
    each other, one another, myself, yourself, theirs, somewhere, anywhere, everywhere"""
)

OBJECTS = _phrases(
    """object, objects, thing, things, item, items, everything, anything, something, stuff, ones, those, instance
    instances, entity, entities, whatever it is, whatever they are, whatever, whatever you find
    whatever you see, anything else, everything else, detection, detections, target, targets, candidate
    candidates, find, finds, occurrence, occurrences, example, examples, specimen, specimens, member, members
    all of it, the lot, subject, subjects, one, individual, individuals, element, elements, match, matches"""
)
"""Words for what is looked for that name no class."""

OUTPUT_NOUNS = _phrases(
    """box, boxes, bounding box, bounding boxes, bbox, bboxes, rectangle, rectangles, frame, frames, tuple, tuples
    list, lists, array, arrays, coordinate, coordinates, coord, coords, corner, corners, centre, point, points
    vertex, vertices, value, values, number, numbers, integer, integers, whole number, whole numbers, float
    floats, decimals, class, classes, label, labels, category, categories, name, names, token, tokens, index
    indexes, indices, id, ids, set, sets, class set, category set, label set, class list, class name
    class names, vocabulary, format, formats, form, style, output, outputs, result, results, answer, answers
    reply, response, responses, line, lines, row, rows, record, records, entry, entries, file, files, text
    annotation, annotations, width, height, size, area, offset, offsets, range, scale, order, type, types, kind
    kinds, unit, units, pixel, pixels, edge, edges, side, sides, position, positions, location, locations, place
    places, extent, shape, shapes, region, area, count, counts, total, caption, description, image, images
    picture, pictures, photo, photos, photograph, photographs, pic, pics, scene, shot, snapshot, view
    screenshot, image's, picture's, photo's, task, job, prompt, question, instruction, instructions below
    request, model, detector, network, assistant, system, expert, annotator, ai, image space, space, content
    contents, mark, marks, marker, markers, left, right, top, bottom, upper, lower, middle, part, parts, half, x
    y, w, h, c, s, n, xs, ys, x-coordinate, y-coordinate, x-coordinates, y-coordinates, dimensions, dimension
    sequence, sequences, string, strings, dictionary, dictionaries, dict, dicts, object's, objects', polygon
    polygons, mask, masks, outline, outlines, contour, contours, confidence, threshold, minimum, maximum, limit
    coco, tag, tags, data, dataset, data set, inventory, overview, summary, table of results
    background information, following, expression, phrase, referring expression, referring phrase, sentence
    words, word, term, terms, query, vector, pair, pairs, group, groups, supercategory, supercategories, front"""
)
"""Words for the image, the model and the output."""

BE = _phrases(
    """is, are, was, were, be, been, being, am, will, will be, shall, shall be, should, should be, must, must be
    may, may be, might, might be, can, can be, could, could be, would, would be, does, do, did, has, have, had
    has to, have to, ought to, need to, needs to, want to, wants to, would like to, want you to, need you to
    would like you to, try to, going to, supposed to, used to, cannot, can not"""
)

THAT = _phrases(
    "that, which, who, whose, whom, that is, that are, which is, which are, who is, who are, there is, there are, "
    "that was, that were, that you can see, you can see, that you see, you see, you can find, that you can find, "
    "you find, you can spot, can you see, can you find, can you spot, do you see, we can see, i can see, can be "
    "seen, to be seen, there, here"
)

ING_NOUNS = frozenset(
    [
        "dining",
        "parking",
        "washing",
        "frying",
        "swimming",
        "sewing",
        "ironing",
        "vending",
        "flying",
        "drinking",
        "skiing",
        "sporting",
        "sleeping",
        "cooking",
        "writing",
        "living",
        "rocking",
        "folding",
        "recycling",
        "building",
        "buildings",
        "ceiling",
        "wing",
        "wings",
        "ring",
        "rings",
        "king",
        "string",
        "strings",
        "painting",
        "paintings",
        "clothing",
        "earring",
        "earrings",
        "pudding",
        "railing",
        "thing",
        "things",
        "something",
        "anything",
        "everything",
        "nothing",
        "evening",
        "morning",
        "wedding",
        "shopping",
        "camping",
        "racing",
        "boxing",
        "hunting",
        "climbing",
        "baking",
        "serving",
        "training",
        "outing",
        "herring",
        "duckling",
        "sitting-room",
        "lightning",
        "awning",
        "icing",
        "dressing",
        "bedding",
        "stocking",
        "stockings",
        "crossing",
        "landing",
        "fishing",
        "eating",
        "riding-hood",
        "vehicle-mounting",
        "gardening",
        "sling",
        "swing",
        "swings",
        "spring",
        "dumpling",
        "seedling",
        "sibling",
        "plumbing",
        "lighting",
        "kitchen-ing",
        "reading-lamp",
        "jogging",
        "running",
        "walking",
    ]
)
"""Words in -ing that name things or stand before a noun, so that they make no relation."""

COLOURS = frozenset(
    [
        "red",
        "orange",
        "yellow",
        "green",
        "blue",
        "purple",
        "violet",
        "pink",
        "brown",
        "black",
        "white",
        "grey",
        "silver",
        "gold",
        "golden",
        "beige",
        "tan",
        "turquoise",
        "cyan",
        "magenta",
        "maroon",
        "navy",
        "teal",
    ]
)

PARTITIVES = frozenset(
    [
        "piece",
        "pieces",
        "slice",
        "slices",
        "pair",
        "pairs",
        "glass",
        "glasses",
        "bottle",
        "bottles",
        "cup",
        "cups",
        "bowl",
        "bowls",
        "bunch",
        "bunches",
        "kind",
        "kinds",
        "type",
        "types",
        "sort",
        "sorts",
        "means",
        "mode",
        "modes",
        "form",
        "forms",
        "item",
        "items",
        "article",
        "articles",
        "portion",
        "portions",
        "loaf",
        "loaves",
        "set",
        "sets",
        "stack",
        "stacks",
        "pile",
        "piles",
        "flock",
        "flocks",
        "herd",
        "herds",
        "pack",
        "packs",
        "group",
        "groups",
        "row",
        "rows",
        "crowd",
        "crowds",
        "plate",
        "plates",
        "head",
        "heads",
        "can",
        "cans",
        "mug",
        "mugs",
        "vase",
        "vases",
        "pieces-of",
        "bit",
        "bits",
        "school",
        "schools",
    ]
)
"""Heads that "of" joins to the noun that says what is meant ("piece of cutlery", "glass of wine")."""

UNWANTED = frozenset(
    ["needed", "wanted", "required", "interesting", "relevant", "included", "necessary", "desired", "important"]
)
"""After "are not" these rule out what stands before them."""

NOT_ENGLISH = frozenset(
    [
        "les",
        "los",
        "las",
        "todos",
        "todas",
        "alle",
        "alles",
        "die",
        "der",
        "das",
        "den",
        "dem",
        "ein",
        "eine",
        "einen",
        "und",
        "le",
        "la",
        "el",
        "il",
        "lo",
        "gli",
        "un",
        "une",
        "et",
        "y",
        "mit",
        "für",
        "auf",
        "im",
        "het",
        "een",
        "de",
        "en",
        "dei",
        "delle",
        "della",
        "der",
        "trouve",
        "trouvez",
        "cherche",
        "cherchez",
        "encuentra",
        "encontrar",
        "busca",
        "finde",
        "finden",
        "suche",
        "zeige",
        "trova",
        "cerca",
        "zoek",
        "toutes",
        "tous",
        "mir",
        "nos",
        "os",
        "uma",
        "um",
        "todo",
        "toda",
        "sur",
        "dans",
        "avec",
        "con",
        "per",
        "por",
        "para",
        "sind",
        "ist",
        "est",
        "são",
        "och",
        "på",
        "alla",
        "hitta",
    ]
)
"""Common words of other languages; with one of them in it a phrase isn't taken for an English one."""

NOTHING = frozenset(["nothing", "none", "nobody"])
"""Words for no thing at all, which can't be looked for."""

NOT_SUPERLATIVES = frozenset(
    [
        "forest",
        "chest",
        "nest",
        "guest",
        "vest",
        "priest",
        "breast",
        "west",
        "test",
        "rest",
        "request",
        "harvest",
        "quest",
        "crest",
        "pest",
        "jest",
        "arrest",
        "contest",
        "latest",
        "dentist",
    ]
)
"""Words in -est that aren't the superlative of anything."""

SPELLED = frozenset(["word", "words", "text", "message", "letters"])
"""After these stands what should be written, not what should be found."""

NAMES_NOTHING = frozenset(
    [
        "colour",
        "colours",
        "color",
        "colors",
        "weather",
        "time",
        "age",
        "gender",
        "emotion",
        "emotions",
        "mood",
        "feelings",
        "meaning",
        "price",
        "brand",
        "instruction",
        "instructions",
        "rule",
        "rules",
        "prompt",
        "prompts",
        "command",
        "commands",
        "guidelines",
        "joke",
        "poem",
        "story",
        "song",
        "essay",
        "cuteness",
        "breed",
        "breeds",
        "temperature",
        "speed",
        "distance",
        "depth",
        "name",
    ]
)
"""Words for what can't be seen as an object, so that they are neither found nor missing in the image."""

NOUNLIKE = frozenset(
    [
        "phone",
        "text",
        "film",
        "record",
        "cut",
        "group",
        "paint",
        "mail",
        "book",
        "google",
        "share",
        "print",
        "track",
        "cook",
        "play",
        "post",
        "measure",
        "run",
        "call",
        "order",
        "walk",
    ]
)
"""Foreign verbs that are nouns too, so that they are verbs only before a determiner or a pronoun."""
