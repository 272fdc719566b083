import type { UnixMicros } from "#model";
import type { Hold } from "./ledger.ts";
import type { Order, OrderId } from "./order.ts";

/** An order and what it holds back. */
export interface OrderRecord {
  order: Order;
  hold: Hold | null;
}

interface Due {
  readonly dueAt: UnixMicros;
  readonly record: OrderRecord;
}

/** Ended orders that can still be asked for; older ones are forgotten. */
const MAX_ENDED = 50_000;

/** All orders, those that are open, and when something of theirs falls due. */
export class OrderRegister {
  readonly #all = new Map<OrderId, OrderRecord>();
  readonly #open = new Set<OrderRecord>();
  readonly #ended: OrderId[] = [];
  /** The soonest first; of equals the one that was put in first. */
  readonly #due: Due[] = [];

  get(id: OrderId): OrderRecord | undefined {
    return this.#all.get(id);
  }

  /** The oldest first. */
  open(): Iterable<OrderRecord> {
    return this.#open;
  }

  add(order: Order): OrderRecord {
    const record: OrderRecord = { order, hold: null };
    this.#all.set(order.id, record);
    this.#open.add(record);
    return record;
  }

  end(record: OrderRecord): void {
    if (!this.#open.delete(record)) return;
    this.#unschedule(record);
    this.#ended.push(record.order.id);
    const oldest = this.#ended.length > MAX_ENDED ? this.#ended.shift() : undefined;
    if (oldest !== undefined) this.#all.delete(oldest);
  }

  /** In place of what was due for it before. */
  schedule(record: OrderRecord, dueAt: UnixMicros): void {
    this.#unschedule(record);
    const later = this.#due.findIndex((one) => one.dueAt > dueAt);
    this.#due.splice(later < 0 ? this.#due.length : later, 0, { dueAt, record });
  }

  nextAt(): UnixMicros | null {
    return this.#due[0]?.dueAt ?? null;
  }

  /** The next that is due by `at`; it is then no longer due. */
  takeDue(at: UnixMicros): Due | undefined {
    const next = this.#due[0];
    return next && next.dueAt <= at ? this.#due.shift() : undefined;
  }

  #unschedule(record: OrderRecord): void {
    const index = this.#due.findIndex((one) => one.record === record);
    if (index >= 0) this.#due.splice(index, 1);
  }
}
