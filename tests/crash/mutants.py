# SPDX-License-Identifier: MIT
"""The test of the tests, by mutants.

Each mutant is the library with one fsync, lock or check left out, made by
replacing a piece of its source.  Every one has to be caught.  A piece that is
no longer in the source is a failure too: the mutant has to follow.
"""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import beside
import damage
import nth
import races
import real
import states
from nth import OLD, Place, check
from spool import TOP, Driver, Violation, compile_c


def walks(*names):
    def go(driver, where):
        for name in names:
            nth.walk(driver, where, name, nth.QUICK_MODES)
    return go


def raced(*names):
    def go(driver, where):
        for name in names:
            races.walk(driver, where, name)
    return go


def explored(*names):
    def go(driver, where):
        for name, explore in states.explorations(True, 1):
            if name in names:
                explore(states.Explorer(driver, where, 1),
                        Place(driver, where))
    return go


def damaged(driver, where):
    damage.walk(driver, where)


def rerun_of_report(driver, where):
    """Killed once the report has its name; the next runner goes on."""
    x = states.Explorer(driver, where, 1)
    place = Place(driver, where)
    place.prepare(OLD)
    start, log, done = states.record(
        place, "run", place.dir, place.sink, faults="1:kill-after:0",
        only="rename")
    check(done.hit == "rename", "no report was made")
    first = len(log)
    _, more, done = states.record(place, "run", place.dir, place.sink,
                                  keep=True)
    x.explore(place, start, states.parse(log + more),
              states.judge_run(place), first)


def runner(go):
    """Of the driver that has the real runner."""
    go.main = "runner_driver"
    return go


def real_walks(*names, modes=nth.QUICK_MODES):
    def go(driver, where):
        for n, name in enumerate(names):
            folder = os.path.join(where, str(n))
            os.mkdir(folder)
            real.walk(driver, folder, name, modes)
    return runner(go)


def real_race(name, step=1):
    return runner(lambda driver, where: beside.race(driver, where, name, step))


def real_job(job):
    return runner(lambda driver, where: job(driver, where))


ERRNO = (("errno", 5, None),)
LASTING = (("errno-on", 5, "pwrite,fdatasync"),)
KILLS = (("kill-after", 0, None),)

# of the runner that is shipped
RUNNER_MUTANTS = (
    ("told to go on before it is recorded", "queue/runner_hand.c",
     "\tmc_record_settled(r, t);\n",
     "\t(void)say(hand, MC_FRAME_GO, NULL, 0, -1);\n"
     "\tmc_record_settled(r, t);\n",
     real_walks("one at a time", modes=LASTING)),
    ("told to go on though it is not recorded", "queue/runner_hand.c",
     "\tif (r->stop.code != MC_OK)\n\t\tmc_hand_cut(hand);\n",
     "", real_walks("one at a time", modes=LASTING)),
    ("a worker that does not wait", "queue/worker.c",
     "if (!w->stopped && hear(w, &frame, none, sizeof(none), NULL) &&\n"
     "\t    frame.type == MC_FRAME_GO)\n\t\treturn 0;\n"
     "\tw->stopped = true;\n\treturn -1;",
     "(void)frame;\n\t(void)none;\n\treturn 0;",
     real_walks("one at a time", modes=LASTING)),
    ("a worker keeps the lock of its last message", "queue/worker.c",
     "\tmc_entry_close(j->entry);\n", "", real_job(beside.lets_go)),
    ("delivered, and not recorded", "queue/runner_record.c",
     "if (!mc_record_mark(r, entry, &s, MC_CELL_DELIVERED))", "if (0)",
     real_walks("deliver and record", modes=KILLS)),
    ("a record that fails once", "queue/runner_record.c",
     "while (err.code == MC_E_IO &&", "while (0 &&",
     real_walks("deliver and record", modes=ERRNO)),
    ("unsure taken for deferred", "queue/runner_record.c",
     "if (order[v] == MC_UNSURE &&\n"
     "\t\t    !mc_record_mark(r, entry, &s, MC_CELL_UNSURE))", "if (0)",
     real_walks("unsure for ever", modes=ERRNO)),
    ("report after B", "queue/runner_report.c",
     "\treport = wanted(entry, MC_REPORT_FAILED, false, s, room);\n",
     "\treport = wanted(entry, MC_REPORT_FAILED, false, s, room);\n"
     "\t(void)mc_record_mark(r, entry, s, MC_CELL_REPORTED);\n",
     real_walks("report not yet made", modes=KILLS)),
    ("F before its reason is safe", "queue/runner_record.c",
     "\t\t    k + 1 == s->n) != 0)", "\t\t    false) != 0)",
     real_job(beside.order)),
    ("told of a failure that is none", "queue/runner_record.c",
     "\t\t\tverdict = MC_DEFERRED;\n", "\t\t\t;\n",
     real_walks("one fails", modes=ERRNO)),
    ("a report under any name", "queue/runner_report.c",
     "mc_store_put(r->set->store, &item, id, put_id, &why)",
     "mc_store_put(r->set->store, &item, NULL, put_id, &why)",
     real_walks("one fails", modes=KILLS)),
    ("a report that is there already", "queue/runner_report.c",
     "why.code == MC_E_QUEUE_EXISTS", "0",
     real_walks("one fails", modes=KILLS)),
    ("a report about a report", "queue/runner_report.c",
     "info.is_report || mc_entry_envelope", "mc_entry_envelope",
     real_job(beside.no_loops)),
    ("given up for want of a network", "queue/runner_record.c",
     "if (fault != MC_FAULT_NETWORK && !cancelled && done->untried == 0)",
     "if (!cancelled && done->untried == 0)",
     real_walks("no network", modes=real.NETWORK_MODES)),
    ("a worker without its runner", "base/child.c",
     "(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);", "",
     real_job(beside.killed_and_stuck)),
    ("a message without its lock", "queue/store.c",
     "rc = flock(fd, LOCK_EX | LOCK_NB);", "rc = 0;",
     real_job(beside.killed_and_orphan)),
    ("busy, and not tried again", "queue/runner_scan.c",
     "\tif (again < r->scan_at)\n\t\tr->scan_at = again;\n", "",
     real_job(beside.busy_for_a_while)),
    ("busy, and only the first tried again", "queue/runner_scan.c",
     "\t\t\tr->busy_at = mc_clock_sooner(r->busy_at, item->again);\n",
     "\t\t\t;\n", real_job(beside.busy_for_a_while)),
    ("no look after the lock was let go", "queue/runner.c",
     "mc_runner_scan(r, &r->stop) != 0 || r->fresh.n == 0)", "true)",
     real_race("over all, then put and one that does not wait")),
    ("notes written over", "queue/notes.c",
     "\t\tlook_again(entry);\n", "\t\t;\n",
     real_walks("too old", modes=ERRNO)),
    ("an account that is down stops all", "queue/runner.c",
     "\tbool stuck = !r->gave;\n", "\tbool stuck = false;\n",
     real_job(beside.many)),
)


# name, file, what stands there, what stands there instead, who has to see it
MUTANTS = (
    ("no fsync of the file", "queue/put.c",
     "if (mc_file_sync(w->fd) != 0) {", "if (0) {", explored("put")),
    ("no fsync of the directory", "queue/put.c",
     "if (mc_file_sync(w->store->q) != 0)\n\t\treturn withdraw(",
     "if (0)\n\t\treturn withdraw(", explored("put")),
    ("fsync of the directory before the rename", "queue/put.c",
     "if (take_name(w, id, ret_id, name, err) != 0) {\n"
     "\t\tif (has_name(w, name))\n"
     "\t\t\t(void)withdraw(w, name, errno, err);\n"
     "\t\tgoto drop;\n\t}\n\tif (mc_file_sync(w->store->q) != 0)",
     "if (mc_file_sync(w->store->q) != 0)\n\t\tgoto drop;\n"
     "\tif (take_name(w, id, ret_id, name, err) != 0)\n\t\tgoto drop;\n"
     "\tif (0)", explored("put")),
    ("a failed fsync tried again", "queue/put.c",
     "if (mc_file_sync(w->fd) != 0) {",
     "if (mc_file_sync(w->fd) != 0 && mc_file_sync(w->fd) != 0) {",
     explored("put, fsync fails")),
    ("no withdrawal", "queue/put.c",
     "if (unlinkat(w->store->q, name, 0) == 0)\n\t\treturn mc_store_fail(",
     "if (name != NULL)\n\t\treturn mc_store_fail(", walks("put")),
    ("t-file left after a failed write", "queue/put.c",
     "\t\t(void)unlinkat(store->q, w.temp, 0);\n\t\tgoto out;",
     "\t\tgoto out;", walks("put")),
    ("no lock while it is written", "queue/put.c",
     "int held = mc_store_lock(w->fd);", "int held = 0;",
     raced("put, then check", "withdrawal, then runner")),
    ("swept t-file not noticed", "queue/put.c",
     "if (st.st_nlink == 0)\n\t\treturn 1;", "", raced("put, then check")),
    ("rename that replaces", "base/file.c",
     "to_dir, to, RENAME_NOREPLACE)", "to_dir, to, 0)",
     walks("put with one that is taken")),
    ("no fsync for one that exists", "queue/put.c",
     "if (mc_file_sync(w->store->q) != 0)\n\t\t\treturn mc_store_fail(",
     "if (0)\n\t\t\treturn mc_store_fail(", rerun_of_report),
    ("a short write taken for a whole one", "base/file.c",
     "\t\tfrom += put;\n\t\tn -= (size_t)put;\n\t}\n\treturn 0;\n}\n\n"
     "ssize_t\nmc_file_read",
     "\t\tfrom += put;\n\t\tn = 0;\n\t}\n\treturn 0;\n}\n\n"
     "ssize_t\nmc_file_read", walks("put")),
    ("EINTR taken for the end", "base/file.c",
     "ssize_t put = write(fd, from, n < SSIZE_MAX ? n : SSIZE_MAX);\n\n"
     "\t\tif (put < 0 && errno == EINTR)\n\t\t\tcontinue;",
     "ssize_t put = write(fd, from, n < SSIZE_MAX ? n : SSIZE_MAX);\n\n"
     "\t\tif (put < 0 && errno == EINTR)\n\t\t\treturn 0;", walks("put")),
    ("sweep without lock", "queue/store.c",
     "if (mc_store_lock(fd) == 0 && fstat(fd, &st) == 0 &&",
     "if (fstat(fd, &st) == 0 &&", raced("put, then check")),
    ("no sweep", "queue/store.c",
     "if (mc_store_kind(name) == 't' && mc_store_sweep_one(store, name)",
     "if (0 && mc_store_sweep_one(store, name)",
     walks("put")),
    ("claim without lock", "queue/entry.c",
     "int held = mc_store_lock(entry->fd);", "int held = 0;",
     raced("two runners")),
    ("claim of what is gone", "queue/entry.c",
     "entry->st.st_nlink == 0 ||\n\t\t    !mc_store_same(store, "
     "entry->name, &entry->st))", "0)", raced("runner, then drop")),
    ("no fresh look at the cells", "queue/entry.c",
     "int rc = open_entry(entry, how > MC_TAKE_LOOK, &found);\n\n"
     "\tif (rc == 1 && load(entry, &found) != 0)\n\t\trc = -1;",
     "int rc = open_entry(entry, false, &found);\n\n"
     "\tif (rc == 1 && load(entry, &found) != 0)\n\t\trc = -1;\n"
     "\tif (rc == 1 && how > MC_TAKE_LOOK) {\n"
     "\t\tif (mc_store_lock(entry->fd) != 0 || fstat(entry->fd, &entry->st)\n"
     "\t\t    != 0 || entry->st.st_nlink == 0) {\n"
     "\t\t\tmc_entry_close(entry);\n\t\t\treturn 0;\n\t\t}\n"
     "\t\tentry->claimed = true;\n\t}", raced("two runners, killed")),
    ("no digest", "queue/entry.c",
     "memcmp(have, want, sizeof(want)) != 0", "0", damaged),
    ("damage thrown away", "queue/check.c",
     "rc = mc_file_rename_new(store->q, name, store->bad, to);",
     "rc = unlinkat(store->q, name, 0);", walks("check")),
    ("unreadable taken for damaged", "queue/entry.c",
     "return cannot_read(entry, io.sys, err);\n}\n\n/* -",
     "return damaged(entry, err, \"unreadable\");\n}\n\n/* -",
     walks("run")),
    ("no probe", "queue/entry.c",
     "mc_entry_probe(entry, &found) != 0)\n\t\trc = -1;\n"
     "\tif (rc == 1) {",
     "(entry->cells_fd = mc_store_open_file(store,\n"
     "\t    entry->name, O_RDWR, &entry->st)) < 0)\n\t\trc = -1;\n"
     "\tif (rc == 1) {", walks("run")),
    ("probe without fdatasync", "queue/entry.c",
     "if (mc_file_sync_data(entry->cells_fd) != 0)\n"
     "\t\treturn readonly(entry, errno, err);", "", walks("run")),
    ("no fdatasync of a cell", "queue/entry_state.c",
     "if (mc_file_sync_data(entry->cells_fd) != 0)\n"
     "\t\treturn mc_err_sys(", "if (0)\n\t\treturn mc_err_sys(",
     explored("run")),
    ("cell not written again", "queue/entry_state.c",
     "if (write_runs(entry, which, n, cell, &io) != 0)",
     "if (entry->cells[which[0]] != (char)cell &&\n"
     "\t    (entry->cells[which[0]] = (char)cell) != 0 &&\n"
     "\t    write_runs(entry, which, n, cell, &io) != 0)",
     explored("run, fsync fails")),
    ("cell in the wrong place", "queue/entry_state.c",
     "MC_QF_HEAD + which[i], err)", "MC_QF_HEAD + which[0] / 2, err)",
     walks("run")),
    ("no fdatasync of a reason", "queue/notes.c",
     "if (mc_file_sync_data(entry->notes.fd) != 0)\n"
     "\t\treturn mc_store_fail(", "if (0)\n\t\treturn mc_store_fail(",
     explored("run")),
    ("no fsync of a new file's name", "queue/notes.c",
     "if (!entry->notes.dir_synced && mc_file_sync(entry->store->q) != 0)",
     "if (0)", explored("run")),
    ("a reason that failed stays", "queue/notes.c",
     "\t\ttake_back(entry);\n", "", explored("run, fsync fails")),
    ("removed, and not for good", "queue/entry_state.c",
     "if (!mc_entry_delivered(entry) && mc_file_sync(store->q) != 0)",
     "if (0)", explored("drop")),
    ("failed and removed, and not for good", "queue/entry_state.c",
     "if (!mc_entry_delivered(entry) && mc_file_sync(store->q) != 0)",
     "if (!mc_entry_done(entry) && mc_file_sync(store->q) != 0)",
     explored("failed, then drop")),
    ("what has failed is not kept", "queue/check.c",
     "if (!mc_entry_delivered(entry))\n\t\treturn;",
     "if (!mc_entry_done(entry))\n\t\treturn;", walks("run")),
    ("kept before it has its time", "queue/entry_state.c",
     "if (mc_store_set_time(entry->fd, until) != 0 ||\n"
     "\t    fchmod(entry->fd, 0700) != 0)",
     "if (fchmod(entry->fd, 0700) != 0 ||\n"
     "\t    mc_store_set_time(entry->fd, until) != 0)", walks("run")),
    ("probe changes how long it is kept", "queue/entry.c",
     "!entry->held && !entry->failed &&", "!entry->held &&",
     walks("failed, removed")),
    ("put back, and still failed", "queue/entry_state.c",
     "if (fchmod(entry->fd, mode) != 0)\n"
     "\t\treturn mc_store_fail(", "if (0)\n\t\treturn mc_store_fail(",
     walks("failed, put back")),
    ("put back, and not for good", "queue/entry_state.c",
     "if (mc_file_sync(entry->cells_fd) != 0)", "if (0)",
     explored("failed, then revive")),
    ("half put back, and never looked at", "queue/check.c",
     "if (entry->failed && !mc_entry_done(entry)) {", "if (0) {",
     walks("check")),
    ("half renamed, and nobody is told", "queue/put.c",
     "if (has_name(w, name))", "if (0)",
     walks("put without renameat2")),
    ("held, and not for good", "queue/entry_state.c",
     "marks(entry)) != 0 ||\n\t    mc_file_sync(entry->fd) != 0)",
     "marks(entry)) != 0)", explored("hold")),
    ("set-up without fsync of the directory", "queue/set_up.c",
     "sync_dir(store, store->top, \"it\", err) != 0 ||", "0 ||",
     explored("put, first of all")),
    ("set-up without fsync above", "queue/set_up.c",
     "sync_above(store, err) != 0)\n\t\tgoto out;",
     "0)\n\t\tgoto out;", explored("put, first of all")),
    ("set-up without a sign that it is done", "queue/set_up.c",
     "make_dir(store->top, \"q\", 0500) != 0)",
     "make_dir(store->top, \"q\", 0700) != 0)", explored("set-up killed")),
)


# of every kind, and soon found: the quick part has these
QUICK = (
    "no fsync of the file", "no fsync of the directory",
    "no withdrawal", "no lock while it is written", "rename that replaces",
    "no fsync for one that exists", "claim without lock",
    "claim of what is gone", "no digest", "no fdatasync of a cell",
    "no fsync of a new file's name", "removed, and not for good",
    "put back, and not for good", "what has failed is not kept",
    "set-up without fsync above",
)
MUTANTS += RUNNER_MUTANTS
QUICK += (
    "told to go on before it is recorded", "report after B",
    "F before its reason is safe", "a worker without its runner",
    "told of a failure that is none")


def build(tools, where, number, mutant):
    name, file, old, new, _ = mutant
    with open(os.path.join(TOP, "lib", file)) as f:
        text = f.read()
    if text.count(old) != 1:
        raise Violation("the source has changed: %d times there: %s" % (
            text.count(old), old))
    folder = os.path.join(where, "mutant-%d" % number)
    os.mkdir(folder)
    source = os.path.join(folder, os.path.basename(file))
    with open(source, "w") as f:
        f.write(text.replace(old, new))
    object_file = source[:-2] + ".o"
    compile_c(source, object_file, ["-w"])
    return tools.link("mutant-%d/driver" % number, object_file,
                      main=getattr(mutant[4], "main", "driver"))


def try_mutant(tools, where, number):
    """(caught, what happened)"""
    mutant = MUTANTS[number]
    place = os.path.join(where, "in-%d" % number)
    os.mkdir(place)
    try:
        driver = Driver(tools, build(tools, where, number, mutant))
    except Violation as v:
        return False, str(v)
    try:
        mutant[4](driver, place)
    except Violation as v:
        return True, "caught by: " + str(v).split("\n")[0]
    finally:
        driver.end_all()
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(os.path.dirname(driver.binary), ignore_errors=True)
    return False, "not caught"


def all_mutants(tools, where, tap, full, only=None):
    numbers = [n for n, mutant in enumerate(MUTANTS)
               if (full or mutant[0] in QUICK) and
               (only is None or only in mutant[0])]
    killed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [pool.submit(try_mutant, tools, where, n) for n in numbers]
        for n, run in zip(numbers, runs):
            caught, what = run.result()
            killed += caught
            tap.result(caught, "mutant: " + MUTANTS[n][0], what)
    return killed, len(numbers)
