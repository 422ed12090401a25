/** Who does what with a broker: the words for the least rights that a server's user needs. */

/** A producer sends and waits for results; a worker takes messages; an operator looks after dead letters. */
export type Role = "producer" | "worker" | "operator";

/** A user of a server, with no more rights than its role needs. */
export interface ServerUser {
  readonly role: Role;
  readonly name: string;
  /** The command that gives it these rights; an existing user keeps its password. */
  readonly command: string;
}
