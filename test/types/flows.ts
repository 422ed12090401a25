/** What must not compile of pipelines and groups, and what must. Checked by `npm run types`. */
import {
  group,
  pipeline,
  type CallableClient,
  type FlowMessage,
  type Group,
  type Pipeline,
  type SendOnlyClient,
  type SentFlow,
  type SentGroup,
  type Settled,
} from "callboard/client";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function assert<_T extends true>(): void;

declare const add: CallableClient<{ a: number; b: number }, number>;
declare const double: CallableClient<number, number>;
declare const shout: CallableClient<string, string>;
declare const wide: CallableClient<{ n?: number | undefined }, { n: number; more: string }>;
declare const maybe: CallableClient<number, string | undefined>;
declare const join: CallableClient<[number, string], Date>;
declare const log: SendOnlyClient<number>;
declare const sum: CallableClient<readonly number[], number>;
declare const judge: CallableClient<readonly Settled<number>[], boolean>;

// Messages and steps

assert<Equal<ReturnType<typeof add.message>, FlowMessage<number>>>();
add.message({ a: 1, b: 2 }, { delay: "1m", maxRetries: 3 });
log.message(1, { priority: 9 });
// @ts-expect-error no such input
add.message({ a: 1 });
// @ts-expect-error no such option
double.with({ dealy: 5 });

// Pipelines

const chain = pipeline(add.message({ a: 1, b: 2 }), double, double.with({ delay: "1s" }), log);
assert<Equal<typeof chain, Pipeline<unknown, void>>>();
assert<Equal<Awaited<ReturnType<typeof chain.send>>, SentFlow<void>>>();
assert<Equal<ReturnType<typeof pipeline<[typeof double]>>, Pipeline<number, number>>>();
pipeline(wide.message({}), wide, wide);
pipeline(add.message({ a: 1, b: 2 }), pipeline(double, double), log);
// What has its input already only waits for what comes before, also for what gives nothing.
pipeline(log.message(1), double.message(2), log);
// @ts-expect-error a number is given where a text is taken
pipeline(add.message({ a: 1, b: 2 }), shout);
// @ts-expect-error in the middle, too
pipeline(add.message({ a: 1, b: 2 }), double, shout, shout);
// @ts-expect-error what gives nothing can only be followed by what takes nothing
pipeline(log.message(1), double);
// @ts-expect-error the output may be missing
pipeline(maybe.message(1), shout);
// @ts-expect-error a pipeline of nothing
pipeline();
// @ts-expect-error no part of a flow
pipeline(add.message({ a: 1, b: 2 }), (n: number) => n);
// @ts-expect-error its first step has no input
void pipeline(add, double).send();
// @ts-expect-error no such option
void chain.send({ tll: "1h" });

// Groups

const both = group([add.message({ a: 1, b: 2 }), shout.message("a"), log.message(1), maybe.message(1)]);
assert<Equal<typeof both, Group<unknown, [number, string, null, string | null]>>>();
assert<Equal<Awaited<ReturnType<typeof both.send>>, SentGroup<[number, string, null, string | null]>>>();
const many = group([1, 2, 3].map((n) => double.message(n)));
assert<Equal<typeof many, Group<unknown, number[]>>>();
const nested = group([double, group([double, pipeline(double, log)])]);
assert<Equal<typeof nested, Group<number, [number, [number, null]]>>>();
const collected = group([double.message(1), log.message(1)], { whenFailed: "collect" });
assert<Equal<typeof collected, Group<unknown, [Settled<number>, Settled<null>]>>>();
pipeline(add.message({ a: 1, b: 2 }), group([double, pipeline(double, double)]), sum);
pipeline(group([double.message(1), shout.message("a")]), join);
pipeline(group([double.message(1)], { whenFailed: "collect" }), judge);
group([double.message(1)], { onComplete: log.message(1) });
// @ts-expect-error the list does not fit
pipeline(group([shout.message("a"), double.message(1)]), join);
// @ts-expect-error a member does not take what comes before
pipeline(add.message({ a: 1, b: 2 }), group([double, shout]));
// @ts-expect-error what is collected is no number
pipeline(group([double.message(1)], { whenFailed: "collect" }), sum);
// @ts-expect-error a group of nobody
group([]);
// @ts-expect-error a group of nobody that collects
group([], { whenFailed: "collect" });
// @ts-expect-error a member has no input
void group([double, double.message(1)]).send();
// @ts-expect-error no such policy
group([double.message(1)], { whenFailed: "ignore" });
// @ts-expect-error the message for the completion has no input
group([double.message(1)], { onComplete: log });
// @ts-expect-error the id of a step is made of the flow's
double.message(1, { id: "mine" });
// @ts-expect-error the id of a step is made of the flow's
double.with({ id: "mine" });

export async function results(sent: SentGroup<[number, string]>): Promise<void> {
  for await (const each of sent.results({ timeout: "1m" })) {
    if (each.index === 0) assert<Equal<typeof each.output, number>>();
    else assert<Equal<typeof each, { readonly index: 1; readonly output: string }>>();
  }
  // @ts-expect-error only a group has several
  void chain.handle(sent.id).results();
}
