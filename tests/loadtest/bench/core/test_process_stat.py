from loadtest.bench.core.process_stat import ProcessStat, family, parse_process_stat

LINE = (
    "4242 (nginx: (odd) 7) S 41 4242 4242 0 -1 4194560 1068 0 0 0 250 125 9 9 20 0 1 0 412 "
    "18874368 3605 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)


def process(pid: int, parent_pid: int) -> ProcessStat:
    return ProcessStat(pid=pid, parent_pid=parent_pid, cpu_ticks=0, rss_pages=0)


def test_stat_is_read_past_a_name_with_brackets_and_spaces() -> None:
    assert parse_process_stat(LINE) == ProcessStat(
        pid=4242, parent_pid=41, cpu_ticks=375, rss_pages=3605
    )


def test_family_is_the_process_and_all_below_it() -> None:
    processes = [process(9, 5), process(5, 2), process(2, 1), process(6, 2), process(7, 1)]
    assert {member.pid for member in family(2, processes)} == {2, 5, 6, 9}


def test_process_that_is_gone_has_no_family() -> None:
    assert family(3, [process(2, 1)]) == []
