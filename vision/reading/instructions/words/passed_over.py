"""Words of an instruction that are passed over: they name nothing in the image, choose nothing, and form no output.

Each table was gone through by hand. A word stands here only if the task is the same without it; what isn't here and
was read by no rule is reported as not understood.
"""

from __future__ import annotations

from vision.reading.instructions.words.tables import inflected, phrases

_POLITE = phrases(
    """please, kindly, thanks, thank you, many thanks, cheers, hello, hello there, hi, hey, dear, ok, okay, now, then
    please, yes, no thanks, would you, could you, can you, would you mind, could you please, can you please, will
    you, help me, help me to, help us, feel free to, be so kind as to, go ahead and, want to know, like to know,
    want to see, like to see, like to have, so kind, quick question, if you can, if you could, if possible, if you
    like, if you would, if present, if any, if there are any, if there is one, if there is any, if it exists, if
    they exist, right now, today, this time, for me, to me, for us, with me, all right, good morning, good
    evening, hand it back, hand them back, hand back, give it back, give it back to me, give them back, bring it
    back, pass it back, send it back, send them back"""
)

_HOW = phrases(
    """just, only, simply, exclusively, solely, exactly, precisely, carefully, accurately, clearly, quickly, fully,
    completely, tightly, correctly, properly, directly, individually, separately, respectively, automatically,
    uniquely, evenly, uniformly, equally, consistently, explicitly, really, very, quite, rather, fairly, roughly,
    approximately, about, around, even, actually, basically, mainly, mostly, namely, specifically, especially,
    particularly, certainly, definitely, always, again, still, already, altogether, together, all together, once,
    at once, in turn, one by one, each time, every time, one at a time, in one go, in a single pass,
    simultaneously, at the same time, at all, in all, in total, overall, of all, first, first of all, last,
    finally, so, so far, thus, hence, therefore, such that, so that, in order, instead, otherwise, however,
    anyway, well, maybe, perhaps, too, as well, as possible, as many as possible, as usual, as always, as before,
    as above, as below, as follows, as described, as described above, as shown, as needed, as necessary, as
    required, as many as needed, as many points as needed, as many points as necessary, as many points as it
    takes, as long as, etc, etc., i.e, e.g, viz, and so on, so on, not only, not just, nothing else, nothing more,
    and nothing else, no one else, nothing but, none other than, no more, no less, whenever, wherever, whatever it
    may be, no matter what, no matter which, no matter where, no matter how many, regardless, regardless of class,
    regardless of type, regardless of kind, of any kind, of any class, of any sort, of any type, of every kind, of
    whatever kind, in particular, in general, in detail, in short, in words, in text, in english, in plain text,
    in this way, this way, that way, like this, like so, up front, by default, or two, or so, or three, out, up to
    you, back"""
)

_WHERE = phrases(
    """here, there, in here, in there, over there, over here, out there, around here, in it, on it, in them, of it,
    of them, of these, of those, of which, for which, in which, around it, around them, inside it, inside them,
    within it, for it, for them, to it, to them, by it, with it, with them, across it, all over, throughout,
    in existence, on display, in sight, in view, on show, in shot, at hand, in question, of interest, that exist,
    that appear, as such, to each, per object, per line, per detection, per instance, per image, per box,
    per record, each line, on each line, one per line, one line each, one each, apiece, each one, every one,
    at the end, at the beginning, at the start, in front, before it, after it, next the, then the, on a new line,
    on its own line, on separate lines, thereof, therein, out of, from among, from the set"""
)

_KIND_OF_WORK = phrases(
    """object detection, detection task, object detector, instance, visual grounding, grounding task,
    referring expression comprehension, phrase grounding, localisation, recognition, computer vision,
    the task of, task of, task is to, goal is to, job is to, your task is to, the goal is to, your job is to,
    member of, members of, instances of, instance of, examples of, occurrences of, one of, ones of, part of,
    kind of, sort of, type of, names of, set of, list of, class of, category of, categories of, classes of,
    label of, sets of, group of objects, consider the set of, way, ways, lot, bit, little bit, moment, time,
    times, rest, trained, helpful, professional, expert, state-of-the-art, zero-shot, open-vocabulary, vision,
    visual, language, vision-language, for my project, for my report, for my paper, for my thesis,
    for my dissertation, for our dataset, for a school project, for my homework, for my research, for my class,
    for the record, for training, for a demo, for a presentation, for a study, for my work, for research,
    for an experiment, for annotation, for labelling, for later, for analysis, for testing"""
)

_QUALITIES = phrases(
    """single, low-confidence, low confidence, separate, individual, corresponding, respective, exact, precise, tight,
    tightest, accurate, complete, full, following, given, visible, present, possible, available, relevant,
    existing, new, true, real, actual, own, same, usual, standard, normal, plain, simple, short, long, brief,
    main, current, raw, default, final, common, general, proper, correct, good, nice, quick, whole, particular,
    certain, able, ready, minimal, smallest enclosing, closed, ordered, clockwise, anticlockwise,
    counterclockwise, counter-clockwise, upright, axis-aligned, horizontal, vertical, integer, integer-valued,
    decimal, numeric, numerical, float, floating point, floating-point, int, zero, comma separated,
    comma-separated, space-separated, tab-separated, newline-separated, separated, spaced, equidistant,
    distributed, uniform, discrete, continuous, absolute value, top-left, bottom-right, lower left, remaining,
    concerned, desired, wanted, required, requested, specified, listed, unique, distinct, flat, nested, valid,
    well-formed, pretty, python, text only, only text, different, various, additional, extra, last, fifth, sixth,
    first value, said, mentioned, above-mentioned, aforementioned, above, below, next, rectangular, polygonal,
    enclosed, minimum bounding, detectable, recognisable, identifiable, clear, obvious, important, concise,
    machine-readable, human-readable, referring, referred, needed, original, overall, source"""
)

_THINGS_OF_WRITING = phrases(
    """by commas, commas, comma, brackets, bracket, parentheses, round brackets, square brackets, curly brackets,
    braces, new line, newline, spaces, space, tabs, whole image, entire image, every part, image size,
    image width, image height, image dimensions, boundary, border, along the boundary, along the outline,
    along its boundary, along the edge, along its outline, one sentence, a sentence, short sentence,
    absolute value, digits, decimal places, precision, notation, convention, syntax, template, schema, structure,
    specification, spec, requirements, requirement, step, steps, way, manner, origin, axis, axes, x-axis, y-axis,
    interval, plane coordinates, coordinate system, system of coordinates, coordinate frame, representation,
    representations, description of each, layout, block, body, payload, section heading, summary line, quotes,
    quotation marks, code block, markdown, header, headers, explanation, explanations, comment, comments, prose,
    commentary, further text"""
)

_VERBS = inflected(
    """
    appear belong contain exist enclose bound surround represent describe denote mean refer consist comprise compose
    follow correspond match lie situate position place locate localise occur stand depict picture show display
    visualise quantise discretise scale rescale normalise map express encode convert round clip clamp consider
    cover fit wrap delimit define specify indicate state concern constitute sample space separate order enumerate
    number relate consist fall start begin end mark label box tag highlight annotate circle identify recognise
    detect return provide supply request require desire want list mention name call title format structure prefix
    precede attach append add associate assign attribute link pair combine concatenate join restrict confine limit
    constrain measure use employ apply utilise include remain matter serve function work happen depict portray
    feature possess stretch extend span range vary lead produce generate obtain compute calculate derive retrieve
    extract fetch capture collect gather pick choose select spot notice observe stick adhere conform comply keep
    regress"""
)

_IRREGULAR = phrases(
    """shown, seen, found, given, drawn, written, taken, chosen, made, made up of, made of numbers, composed of,
    consists of, consisting of, consist of, belong to, belongs to, belonging to, belonged to, falls into, fall
    into, falls under, falling into, corresponds to, correspond to, corresponding to, refers to, refer to,
    referring to, referred to, referred to as, stands for, stand for, standing for, found in, contained in,
    available in, known as, called, lying, lies, lie, laid, sits at, put, set out, begun, kept, held, meant,
    bound, with respect to, with respect to the, with regard to, with reference to, in the form, in the format,
    in the form of, in the format of, in this format, in this form, in the following format, in the following
    form, in the style of, in the order, in this order, in the shape of, in the manner of, followed by the,
    starting with, beginning with, along with the, including the, given the, based on the, stick to, adhere to,
    conform to, comply with, mention only, answer with, with one, for each of, for every one of, know, sure, be
    sure to, make certain, holds, carries, reads, goes, comes, come, come back, comes back, stays, looks like,
    look like, looks, turns into, turn into, becomes, become, fills, come across, comes across, comes up, come
    up, go over, falls in, fall in, such as this, so like, stay, staying, stay within, stick to, interest me,
    interests me, interest us, are of interest, go from, go up to, matter to me, count for me, go, in mind, have
    in mind, i mean, that is, shall be, allowed, permitted, call it by that name, by that name, anywhere,
    somewhere, look like this, crazy about, fond of, interested in,  knows, turn up, turns up,
    show up, shows up, pop up, pops up, crop up, occur, occurs,    relative,
    the latter, the former, bearing them, bearing one of them, bearing these, bearing those, carrying them,
    receives, receive, sits, must sit, should sit, have to sit, may sit, they sit, what i want, what we want,
    what i need, what we need, are what i want, i am after, we are after"""
)

PASSED_OVER = tuple(
    dict.fromkeys((*_POLITE, *_HOW, *_WHERE, *_KIND_OF_WORK, *_QUALITIES, *_THINGS_OF_WRITING, *_VERBS, *_IRREGULAR))
)
"""All of them. A word that can also be a verb of an order or a noun of the output is so where its place asks for it."""
