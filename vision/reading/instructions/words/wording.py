"""The words and phrases other than verbs that have a part in an instruction, by the part that they play.

Each table was gone through by hand. What is in no table is a word for something in the image, or it is reported as not
understood.
"""

from __future__ import annotations

from vision.reading.instructions.words.tables import phrases

EXCEPT = phrases(
    """excluded, excepted, ignored, skipped, omitted, left out, dropped, discarded, disregarded, exempt, exempted,
    except, except for, excepting, excluding, exclude, excludes, other than, besides, apart from, aside from, but
    not, but no, but without, but ignore, but exclude, but skip, but leave out, save for, bar, barring, ignore,
    ignoring, skip, skipping, leave out, leaving out, leave aside, leaving aside, leave off, omit, omitting, drop,
    dropping, discard, discarding, disregard, disregarding, minus, with the exception of, not, no, never, none of,
    and not, not counting, not including, but for, all but, everything but, anything but, every but, rather than,
    instead of, do not, do not find, do not detect, do not show, do not show me, do not mark, do not box, do not
    label, do not include, do not return, do not list, do not report, do not count, do not want, do not need, do
    not give, do not give me, do not output, do not draw, do not bother with, do not care about, do not look for,
    not interested in, no need for, without, nor, and no, or any, that is not, that are not, which is not, which
    are not, that is no, that are no, who are not, who is not, neither, outside of, beyond just, but leave, but
    drop, but omit, but discard, not the, if it is not, unless it is, unless they are, unless, do not count as,
    does not count as, are not to be counted as, are not counted as, should not count as, should not be counted
    as, must not count as, does not count, are not to be counted, not counting as, not counted as, not being
    counted as, throw away, throw out, get rid of, filter out, weed out, leave behind, strip out, remove, reject,
    can be left out, may be left out, should be left out, must be left out, to be left out, could be left out,
    shall be left out, can stay out, may stay out, should stay out, must stay out, to stay out, could stay out,
    shall stay out, can be ignored, may be ignored, should be ignored, must be ignored, to be ignored, could be
    ignored, shall be ignored, can be skipped, may be skipped, should be skipped, must be skipped, to be skipped,
    could be skipped, shall be skipped, can be omitted, may be omitted, should be omitted, must be omitted, to be
    omitted, could be omitted, shall be omitted, can be dropped, may be dropped, should be dropped, must be
    dropped, to be dropped, could be dropped, shall be dropped, can be excluded, may be excluded, should be
    excluded, must be excluded, to be excluded, could be excluded, shall be excluded, can be disregarded, may be
    disregarded, should be disregarded, must be disregarded, to be disregarded, could be disregarded, shall be
    disregarded, can be discarded, may be discarded, should be discarded, must be discarded, to be discarded,
    could be discarded, shall be discarded, can be removed, may be removed, should be removed, must be removed, to
    be removed, could be removed, shall be removed, spare me, spare us, no interest in, forget, forget about,
    never mind, do not bother me with, lose, hold, aside, do not interest us, do not interest me, does not
    interest me, does not interest us, are of no interest, is of no interest"""
)
"""What rules out the classes that follow, up to the end of the clause or the next verb."""

EXCEPT_VERBS = frozenset(
    phrases(
        """ignore, ignoring, skip, skipping, omit, omitting, drop, dropping, discard, discarding, disregard, exclude,
    throw away, throw out, get rid of, filter out, weed out, strip out, remove, reject"""
    )
) | frozenset(phrase for phrase in EXCEPT if phrase.startswith(("do not", "leave", "leaving", "disregarding")))
"""Those of them that are orders of their own: what they rule out may be qualified ("ignore cars below 40 pixels")."""

RELATIONS = phrases(
    """using, left of, to the left of, on the left of, on the left side of, to the left side of, at the left of, right
    of, to the right of, on the right of, on the right side of, to the right side of, at the right of, next to,
    right next to, directly next to, beside, near, near to, nearest, nearest to, nearer to, nearer, closest to,
    closest, closer to, close to, close by, by, behind, right behind, in front of, in the front of, at the front
    of, under, underneath, beneath, below, above, directly above, directly below, over, on, on top of, at the top
    of, on the top of, atop, upon, onto, in, inside, inside of, within, into, with, between, in between, in the
    middle of, among, amongst, amid, against, around, round, across from, opposite, opposite to, facing, touching,
    overlapping, overlapping with, surrounding, surrounded by, far from, furthest from, farthest from, further
    from, farther from, far away from, away from, furthest away from, at, along, beyond, past, through, off,
    bigger than, larger than, smaller than, taller than, higher than, lower than, wider than, attached to,
    connected to, adjacent to, alongside, as big as, bigger, not near, not on, not in, not inside, not under, not
    next to, not beside, not behind, not above, not below, not wearing, not holding, not riding, not with, not by,
    not at, covered by, covered with, covered in, filled with, full of, made of, seated at, seated on, who has,
    who have, that has, that have, which has, which have, whose, to the side of, at the side of, on the side of,
    on either side of, either side of, toward, towards, not touching, not overlapping, not close to, not between,
    not in front of, not left of, not right of, not to the left of, not to the right of, level with, in the hands
    of, in the hand of, belonging with, at the foot of, at the end of, on the back of, at the back of, in the back
    of, in the lap of, on the edge of, at the edge of, leftmost of, diagonal to, that overlap, which overlap, who
    overlap, that overlaps, which overlaps, who overlaps, that touch, which touch, who touch, that touches, which
    touches, who touches, that hold, which hold, who hold, that holds, which holds, who holds, that wear, which
    wear, who wear, that wears, which wears, who wears, that carry, which carry, who carry, that carries, which
    carries, who carries, that ride, which ride, who ride, that rides, which rides, who rides, that face, which
    face, who face, that faces, which faces, who faces, that follow, which follow, who follow, that follows, which
    follows, who follows, that pull, which pull, who pull, that pulls, which pulls, who pulls, that push, which
    push, who push, that pushes, which pushes, who pushes, that cover, which cover, who cover, that covers, which
    covers, who covers, that contain, which contain, who contain, that contains, which contains, who contains,
    that surround, which surround, who surround, that surrounds, which surrounds, who surrounds, that support,
    which support, who support, that supports, which supports, who supports, that eat, which eat, who eat, that
    eats, which eats, who eats, that use, which use, who use, that uses, which uses, who uses, that lean, which
    lean, who lean, that leans, which leans, who leans, overlap with, overlaps with, hidden by, partly hidden by,
    occluded by, blocked by, obscured by, held by, worn by, carried by, pulled by, pushed by, ridden by, driven
    by, shaded by"""
)
"""What relates an object to another one. Between two things in the image they make a referring expression."""

OF = phrases(
    """restricted to, limited to, confined to, of, for, around, round, about, per, on, over, across, from, in,
    as many, such as, like, including, especially, namely, i.e., e.g., called, named, say"""
)
"""After a noun of the output ("boxes around the horses") these lead to what is looked for."""

OTHER_PREPOSITIONS = phrases(
    """to, as, via, per, according to, due to, because of, based on, depending on, in terms of, with regard to, in
    view of, than, during, after, before, since, until, despite, concerning, regarding, out of, up, down, against,
    into, in order of, sorted by, ordered by, ranked by, grouped by, while, whilst, if, when, because, although,
    though, so that, where possible, like a, as a, as an, as if"""
)
"""Small words that lead to something other than what is looked for."""

AND = phrases(
    """and, or, plus, &, as well as, along with, together with, in addition to, and also, also, too, then, and
    then, but, but also, both, either, and/or, +, /, followed by, afterwards, next, finally, respectively, vs,
    vs., versus"""
)
"""What joins one thing to the next."""

DETERMINERS = phrases(
    """the, a, an, any, every, each, all, some, this, that, these, those, my, your, his, her, its, their, our,
    several, many, few, a few, multiple, various, all the, all of the, all of, each of, each of the, every one of
    the, any of the, some of the, most of the, every single, each and every, every last, any and all, whichever,
    all those, all these, another, certain, a number of, lots of, a lot of, plenty of, whole, entire, different,
    other, such, more, much, most of, either of, both of, both the, every one of, each one of, all kinds of, all
    sorts of, all types of, any kind of, any sort of, any type of, any kinds of, kinds of, types of, every kind
    of, every type of, a pair of, pairs of, one or more, at least one, the number of, which, what, whatever, what
    kind of, what kinds of"""
)
"""What stands before a thing: articles, possessives and quantifiers."""

PRONOUNS = phrases(
    """i, we, you, it, he, she, they, them, him, me, us, one, ones, itself, themselves, who, whom, yours, mine, each
    other, one another, myself, yourself, theirs, somewhere, anywhere, everywhere"""
)
"""Words for persons and things named before."""

OBJECTS = phrases(
    """object, objects, thing, things, item, items, everything, anything, something, stuff, ones, those, instance,
    instances, entity, entities, whatever it is, whatever they are, whatever, whatever you find, whatever you see,
    anything else, everything else, whatever else, whatever else you see, whatever else you can see,
    whatever else you find, whatever else there is, whatever is left, detection, detections, target, targets,
    candidate, candidates, find, finds,
    occurrence, occurrences, example, examples, specimen, specimens, member, members, all of it, the lot, subject,
    subjects, one, individual, individuals, element, elements, match, matches, guess, guesses, hit, hits, finding,
    findings, prediction, predictions, piece, pieces, proposal, proposals, hypothesis, hypotheses"""
)
"""Words for what is looked for that name no class."""

OUTPUT_NOUNS = phrases(
    """box, boxes, bounding box, bounding boxes, bbox, bboxes, rectangle, rectangles, frame, frames, tuple, tuples,
    list, lists, array, arrays, coordinate, coordinates, coord, coords, corner, corners, centre, centres, point,
    points, vertex,
    vertices, value, values, number, numbers, integer, integers, whole number, whole numbers, float, floats,
    decimals, class, classes, label, labels, category, categories, name, names, token, tokens, index, indexes,
    indices, id, ids, set, sets, class set, category set, label set, class list, class name, class names,
    vocabulary, format, formats, form, style, output, outputs, result, results, answer, answers, reply, response,
    responses, line, lines, row, rows, record, records, entry, entries, file, files, text, annotation,
    annotations, width, height, size, area, offset, offsets, range, scale, order, type, types, kind, kinds, unit,
    units, pixel, pixels, edge, edges, side, sides, position, positions, location, locations, place, places,
    extent, shape, shapes, region, count, counts, total, caption, description, image, images, picture, pictures,
    photo, photos, photograph, photographs, pic, pics, scene, shot, snapshot, view, screenshot, image's,
    picture's, photo's, task, job, prompt, question, instruction, instructions below, request, model, detector,
    network, assistant, system, expert, annotator, ai, image space, space, content, contents, mark, marks, marker,
    markers, left, right, top, bottom, upper, lower, middle, part, parts, half, x, y, w, h, c, s, n, xs, ys,
    x-coordinate, y-coordinate, x-coordinates, y-coordinates, dimensions, dimension, sequence, sequences, string,
    strings, dictionary, dictionaries, dict, dicts, object's, objects', polygon, polygons, mask, masks, outline,
    outlines, contour, contours, confidence, threshold, minimum, maximum, limit, coco, tag, tags, data, dataset,
    data set, inventory, overview, summary, table of results, background information, following, expression,
    phrase, referring expression, referring phrase, sentence, words, word, term, terms, query, vector, pair,
    pairs, group, groups, supercategory, supercategories, front,, pipeline, dashboard, api, app, annotation tool,
    labelling tool, software, parser, backend, frontend, loader, database, spreadsheet, website, paper, project,
    schema, csv file, json file, taxonomy, ontology, label space, nomenclature, catalogue, catalog, interval,
    comparison, benchmark, experiment, study, analysis, evaluation, report, presentation, thesis, homework,
    assignment, slides, blog, blog post, demo, article, survey, exam, referent, decoder, encoder, rim, border,
    perimeter, silhouette, skeleton, customer, client, bin, bins, detector's, model's, network's, grid, grid
    cells, scheme, annotation scheme, label map, pattern, document, regression test, test, aim, goal, objective,
    census, filter, target, run, batch, purpose, idea, plan, workflow, tool chain, ci, qa, scenes, shots,
    snapshots"""
)
"""Words for the image, the model and the output."""

BE = phrases(
    """is, are, was, were, be, been, being, am, will, will be, shall, shall be, should, should be, must, must be,
    may, may be, might, might be, can, can be, could, could be, would, would be, does, do, did, has, have, had,
    has to, have to, ought to, need to, needs to, want to, wants to, would like to, want you to, need you to,
    would like you to, try to, going to, supposed to, used to, cannot, can not"""
)
"""Auxiliary verbs."""

THAT = phrases(
    """that, which, who, whose, whom, that is, that are, which is, which are, who is, who are, there is, there are,
    that was, that were, that you can see, you can see, that you see, you see, you can find, that you can find,
    you find, you can spot, can you see, can you find, can you spot, do you see, we can see, i can see, can be
    seen, to be seen, there, here"""
)
"""What begins a clause that says more of a thing."""

ING_NOUNS = frozenset(
    phrases(
        """anything, awning, baking, bedding, boxing, building, buildings, camping, ceiling,
            climbing, clothing, cooking, crossing, dining, dressing, drinking, duckling, dumpling,
            earring, earrings, eating, evening, everything, fishing, flying, folding, frying,
            gardening, herring, hunting, icing, ironing, jogging, king, kitchen-ing, landing,
            lighting, lightning, living, morning, nothing, outing, painting, paintings, parking,
            plumbing, pudding, racing, railing, reading-lamp, recycling, riding-hood, ring, rings,
            rocking, running, seedling, serving, sewing, shopping, sibling, sitting-room, skiing,
            sleeping, sling, something, sporting, spring, stocking, stockings, string, strings,
            swimming, swing, swings, thing, things, training, vehicle-mounting, vending, walking,
            washing, wedding, wing, wings, writing"""
    )
)
"""Words in -ing that name things or stand before a noun, so that they make no relation."""

PARTITIVES = frozenset(
    phrases(
        """article, articles, bit, bits, bottle, bottles, bowl, bowls, bunch, bunches, can, cans,
            crowd, crowds, cup, cups, flock, flocks, form, forms, glass, glasses, group, groups,
            head, heads, herd, herds, item, items, kind, kinds, loaf, loaves, means, mode, modes,
            mug, mugs, pack, packs, pair, pairs, piece, pieces, pieces-of, pile, piles, plate,
            plates, portion, portions, row, rows, school, schools, set, sets, slice, slices, sort,
            sorts, stack, stacks, type, types, vase, vases"""
    )
)
"""Heads that "of" joins to the noun that says what is meant ("piece of cutlery", "glass of wine")."""

UNWANTED = frozenset(
    phrases("""desired, important, included, interesting, necessary, needed, relevant, required, wanted""")
)
"""After "are not" these rule out what stands before them."""

NOT_ENGLISH = frozenset(
    phrases(
        """alla, alle, alles, auf, avec, busca, cerca, cherche, cherchez, con, dans, das, de, dei,
            della, delle, dem, den, der, die, een, ein, eine, einen, el, en, encontrar, encuentra,
            est, et, finde, finden, für, gli, het, hitta, il, im, ist, la, las, le, les, lo, los,
            mir, mit, nos, och, os, para, per, por, på, sind, suche, sur, são, toda, todas, todo,
            todos, tous, toutes, trouve, trouvez, trova, um, uma, un, und, une, y, zeige, zoek"""
    )
)
"""Common words of other languages; with one of them in it a phrase isn't taken for an English one."""

NOTHING = frozenset(phrases("""nobody, none, nothing"""))
"""Words for no thing at all, which can't be looked for."""

NOT_SUPERLATIVES = frozenset(
    phrases(
        """arrest, breast, chest, contest, crest, dentist, forest, guest, harvest, jest, latest, nest, pest, priest,
        quest, request, rest, test, vest, west"""
    )
)
"""Words in -est that aren't the superlative of anything."""

SPELLED = frozenset(phrases("""letters, message, text, word, words"""))
"""After these stands what should be written, not what should be found."""

NAMES_NOTHING = frozenset(
    phrases(
        """age, brand, breed, breeds, color, colors, colour, colours, command, commands, cuteness, depth,
        distance, emotion, emotions, essay, feelings, gender, guidelines, instruction, instructions, joke,
        meaning, mood, name, poem, price, prompt, prompts, rule, rules, song, speed, story, temperature, time,
        weather, ranking, rank, nationality, mass, weight, jersey number, depth map, heat map, trajectory,
        velocity, identity, ethnicity, email, emails, message, messages, sms, link, notification, alert, letter,
        mail, serial number, serial numbers, phone number, phone numbers, model number, house number"""
    )
)
"""Words for what can't be seen as an object, so that they are neither found nor missing in the image."""

PURPOSES = frozenset(
    phrases(
        """dashboard, app, api, report, project, paper, pipeline, website, blog, thesis, study, survey,
        experiment, analysis, demo, presentation, benchmark, test, software, database, tool, catalogue, catalog,
        slides"""
    )
)
"""What the result may be for; a word before them says which and is not looked for ("for the footfall dashboard")."""

LEFT_OUT = frozenset(
    phrases(
        """do not interest us, do not interest me, does not interest me, does not interest us, are of no interest, is of
        no interest, can be left out, may be left out, should be left out, must be left out, to be left out,
        could be left out, shall be left out, can stay out, may stay out, should stay out, must stay out, to
        stay out, could stay out, shall stay out, can be ignored, may be ignored, should be ignored, must be
        ignored, to be ignored, could be ignored, shall be ignored, can be skipped, may be skipped, should be
        skipped, must be skipped, to be skipped, could be skipped, shall be skipped, can be omitted, may be
        omitted, should be omitted, must be omitted, to be omitted, could be omitted, shall be omitted, can be
        dropped, may be dropped, should be dropped, must be dropped, to be dropped, could be dropped, shall be
        dropped, can be excluded, may be excluded, should be excluded, must be excluded, to be excluded, could
        be excluded, shall be excluded, can be disregarded, may be disregarded, should be disregarded, must be
        disregarded, to be disregarded, could be disregarded, shall be disregarded, can be discarded, may be
        discarded, should be discarded, must be discarded, to be discarded, could be discarded, shall be
        discarded, can be removed, may be removed, should be removed, must be removed, to be removed, could be
        removed, shall be removed, excepted, apart, not counting as, not counted as, not being counted as, do
        not count as, does not count as, are not to be counted as, are not counted as, should not count as, do
        not count, does not count, are not to be counted, should not be counted as, must not count as,
        excluded, ignored, skipped, omitted, left out, dropped, discarded, disregarded, exempt, exempted,
        aside"""
    )
)
"""After a thing these rule it out: "vehicles, cars excluded"."""

TO_A_NAME = frozenset(
    phrases(
        """of, for, restricted to, limited to, confined to, around, round, about, from, including, like, such as, on,
        over, across, per, especially, namely, named, called"""
    )
)
"""After a noun of the output these lead to what is looked for: "boxes around the horses"."""
