/** The processor that a sandbox of BullMQ loads. */
import type { Order } from "../order.js";

export default async ({ data }: { readonly data: Order }): Promise<Order> => data;
