"""Verbs of an instruction: those of finding, those of writing, and common ones that ask for something else."""

from __future__ import annotations

from vision.reading.instructions.words.tables import phrases

FINDING = phrases(
    """write, write down, print, save, save them, save it, store, export, dump, find, find out, find me, grab me,
    detect,
    locate, localise, identify, spot, mark, mark up, box, box up, label, show, show me, give, give me, get, get
    me, pick, pick out, point out, point at, point to, point me to, highlight, recognise, search, search for, look
    for, looking for, hunt for, hunting for, seek, need, want, would like, return, list, output, report, annotate,
    frame, enclose, bound, circle, tag, extract, display, fetch, select, choose, discover, track down, see, where,
    where is, where are, where was, where were, provide, deliver, single out, isolate, capture, map out, pinpoint,
    draw around, put boxes around, draw boxes around, include, keep, consider, name, indicate, mention, determine,
    count up, catch, hand me, bring me, interested in, care about, cares about, after, check for, watch for, watch
    out for, look out for, list out, enumerate, collect, gather, retrieve, pull out, flag, flag up, call out, mark
    out, ring, notice, discern, distinguish, seeking, searching for, finding, detecting, locating, identifying,
    spotting, marking, labelling, showing, giving, returning, listing, highlighting, annotating, selecting,
    searching, is there, are there, ground, grounding, pick up, try to find, boxing, lookup, look up, send me,
    predict, mentioning, keeping, concentrate on, focus on, focus only on, restrict yourself to, could i have, can
    i have, may i have, could i get, can i get, may i get, could i see, can i see, may i see, could we have, can
    we have, can we get, let me have, let me see, i would like to have, i would like to see, hand over, put a box
    round, put a box around, put boxes round, put a rectangle around, put a rectangle round, draw a box around,
    draw a box round, draw boxes round, draw a rectangle around, draw rectangles around, draw a bounding box
    around, draw bounding boxes around, put bounding boxes around, put a bounding box around, pick me, show us,
    give us, get us, find us, find me all, come up with, dig out, fish out, root out, scan for, scan, represent,
    express, encode, gimme, gimmie, lemme see, lemme have, emit, spotlight, yield, furnish, spit out, output me,
    retrieve me, shoot me, sees, shows, finds, likes, loves, collects, needs, wants, where did i leave, where did
    i put, where have i put, where did i park, where did we leave, take, serialise, serialize, cut, put a frame
    around, put a frame round, put frames around, draw a frame around, draw frames around, put a square around,
    put a circle around, bring out, record, log, register, jot down, note down, list down, wish, wish for, where can,
    where could, where do,
    where does, where might, whereabouts, gets,
    have you seen, did you see, did you find, has anyone seen, have you found"""
)
"""Verbs whose object is what is looked for."""

TELLING = phrases(
    """tell, tell me, answer, reply, respond, draw, put, place, use, make, do, have, has, had, having, let, let us,
    examine, analyse, inspect, check, go through, look at, look through, look over, take a look at, look,
    study, view, ensure, make sure, represented, expressed, encoded, state, compute, calculate, generate, produce,
    create, apply, set, assume, suppose, know, know about, see to it, run, perform, carry out, conduct, reports,
    gives, describe, described, describing, specify, format, be, work out, render, append, add, adding, attach,
    start, begin, end, deal with, imagine, think of, restrict, limit, read, given, written, writing, formatted,
    giving, outputting, saving, dump, supply, present, convert, treat, regard, understand, remember, note,
    remember that, note that, believe, expect, searching through, scanning, considering, examining,
    inspecting, studying, analysing, going through, looking through, taking, restricting, concentrating on,
    focusing on"""
)
"""Verbs whose object is the image or the output; something in the image is only meant with "for", "of" or "around"."""

FOREIGN = phrases(
    """email, mail, e-mail, delete, erase, paint, repaint, sing, dance, send, upload, download, translate, buy,
    sell, call, phone, text, reveal, forget, pretend, act, behave, compare, colour, recolour, blur, crop,
    resize, rotate, flip, enhance, edit, replace, convert, post, tweet, publish, share, classify, track,
    measure, weigh, estimate, guess, cook, eat, feed, kill, destroy, shoot, hug, kiss, love, hate, hack,
    execute, sudo, open, close, browse, google, order, book me, pay, invoice, summon, animate, cartoonise,
    stylise, sharpen, brighten, darken, straighten, move, swap, insert, write me, compose, rhyme, joke, laugh,
    cry, feel, dream, hallucinate, think, decide, judge, rate, rank, grade, critique, praise, rename, copy,
    paste, cut, merge, split, group, cluster, sort, arrange, shuffle, reorder, explain, say, justify, argue,
    prove, solve, integrate, differentiate, factorise, disregard all, override, bypass, disable, enable, reset,
    reboot, shut, turn on, turn off, turn down, turn round, turn around, play, pause, film,
    photograph, walk, run away, go away, go home, come here, leave, visit, tidy, clean, wash, repair, transfer,
    donate, lend, borrow, steal, lock, unlock, start up, shut down, launch, fly, drive, ride, jump, climb, swim,
    throw, kick, push, pull, lift, grab, cover, uncover, dress, undress, marry, invite, meet,
    invent, design, plan, schedule, book a, cancel, confirm, approve, reject, apologise, promise, swear, lie to,
    trick, spell, count backwards, recite, narrate, interview, discuss, debate, review, teach, learn, train,
    fine-tune, optimise, benchmark, evaluate, test, debug, compile, commit, deploy, scrape, crawl, ping, redact,
    mosaic, denoise, upscale, downscale, vectorise, filter, invert, mirror, tint, shade, decorate, rearrange,
    pray, bless, curse, insult, tease, flatter, impress, surprise, scare, chase, hunt down, feed them, pet,
    stroke, tickle, bake me, grill, roast, chop, slice, peel, mix, stir, serve, trade, exchange, refund, charge,
    bill, fix, build, break, burn, melt, freeze, bake, boil, fry, pour, drink, taste, smell, hear, listen,
    speak, whisper, shout, obey, refuse, comply, roleplay, role-play, simulate, emulate, recolor, ask, inform,
    notify, warn, alert, beep, wait, sleep, sum, add up, multiply, average, name after, greet, thank the,
    congratulate, remove, wipe, censor, pixelate, hide, anonymise, colourise, zoom, print out, fax, ship,
    deliver to, forward, subscribe, follow me, upvote, vote, sign, encrypt, decrypt, compress, zip, unzip,
    install"""
)
"""Common verbs that ask for something else than finding and writing; what they ask for is reported, not done."""

NOUNLIKE = frozenset(
    phrases(
        """bill, book, call, charge, chop, colour, cook, copy, cover, crop, cut, design, dress,
            drink, drive, fax, film, filter, fly, google, grill, group, lift, lock, mail, measure,
            mirror, mix, mosaic, order, paint, pet, phone, photograph, plan, play, post, print,
            ride, roast, run, shade, share, ship, shoot, sign, slice, test, text, throw,
            track, train, walk, zip"""
    )
)
"""Foreign verbs that are nouns too, so that they are verbs only before a determiner or a pronoun."""
