%% The peers of the claims about messages and processes: the same work in Erlang/OTP. One run, one line of JSON.
%%
%%   erl -noinput -s bench main request COUNT | cross COUNT | ring HOPS | many COUNT | spawn COUNT
-module(bench).
-export([main/1]).

main([Claim, Text]) ->
    Count = list_to_integer(atom_to_list(Text)),
    {Work, Micros} = run(Claim, Count),
    io:format("{\"value\": ~f, \"check\": \"~b\", \"peak\": ~b}~n", [Work * 1.0e6 / Micros, Work, peak()]),
    halt(0).

%% As many pairs as schedulers, the two of a pair on one scheduler, or on two; request and response, each checked.
run(request, Count) -> pairs(Count, fun(I, _) -> I end);
run(cross, Count) -> pairs(Count, fun(I, Schedulers) -> I rem Schedulers + 1 end);
run(ring, Hops) ->
    First = self(),
    Next = lists:foldl(fun(_, To) -> spawn_opt(fun() -> pass(To) end, [{scheduler, 1}]) end, First, lists:seq(1, 999)),
    timed(Hops, fun() -> round(Next, Hops) end);
%% Four senders, one receiver that counts and adds up.
run(many, Count) ->
    Self = self(),
    timed(4 * Count, fun() ->
        [spawn(fun() -> flood(Self, 0, Count) end) || _ <- lists:seq(1, 4)],
        Sum = 4 * (Count * (Count - 1) div 2),
        Sum = count(4 * Count, 0)
    end);
%% Spawn, first reply, exit, by one spawner on each scheduler.
run(spawn, Count) ->
    Schedulers = erlang:system_info(schedulers_online),
    Each = Count div Schedulers,
    timed(Each * Schedulers, fun() -> in_parallel(Schedulers, fun(_) -> spawn_many(Each) end) end).

timed(Work, Run) ->
    {Micros, _} = timer:tc(Run),
    {Work, Micros}.

in_parallel(Count, Run) ->
    Self = self(),
    Pids = [spawn_opt(fun() -> Run(I), Self ! {done, self()} end, [{scheduler, I}]) || I <- lists:seq(1, Count)],
    [receive {done, Pid} -> ok end || Pid <- Pids].

pairs(Count, Place) ->
    Schedulers = erlang:system_info(schedulers_online),
    Servers = [spawn_opt(fun serve/0, [{scheduler, Place(I, Schedulers)}]) || I <- lists:seq(1, Schedulers)],
    timed(Count * Schedulers, fun() ->
        in_parallel(Schedulers, fun(I) -> ask(lists:nth(I, Servers), Count) end)
    end).

serve() ->
    receive
        {Ref, From, Body} ->
            From ! {Ref, Body},
            serve()
    end.

ask(_, 0) -> ok;
ask(Server, Left) ->
    Ref = make_ref(),
    Server ! {Ref, self(), Left},
    receive {Ref, Left} -> ok end,
    ask(Server, Left - 1).

pass(To) ->
    receive
        Left ->
            To ! Left - 1,
            pass(To)
    end.

round(_, 0) -> ok;
round(Next, Left) ->
    Next ! Left - 1,
    receive Now -> round(Next, Now) end.

flood(_, Count, Count) -> ok;
flood(To, Number, Count) ->
    To ! {count, Number},
    flood(To, Number + 1, Count).

count(0, Sum) -> Sum;
count(Left, Sum) ->
    receive {count, Number} -> count(Left - 1, Sum + Number) end.

spawn_many(0) -> ok;
spawn_many(Left) ->
    Self = self(),
    Pid = spawn(fun() -> Self ! {ok, self()} end),
    receive {ok, Pid} -> ok end,
    spawn_many(Left - 1).

peak() ->
    {ok, Status} = file:read_file("/proc/self/status"),
    {match, [Kib]} = re:run(Status, "VmHWM:\\s+(\\d+)", [{capture, all_but_first, list}]),
    list_to_integer(Kib) * 1024.
