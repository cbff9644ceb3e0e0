/** Files, as an app in a frame has them: between participants, and those that the hub keeps. */

import { Files, FILES, type FilesUser, type ShelfUser } from "@callmesh/core";

import type { Asked } from "./awayWords.ts";
import { FrameAway } from "./frameAway.ts";
import type { FrameStreams } from "./frameStreams.ts";

export type FrameFilesUser = Pick<FilesUser, "here" | "now" | "after"> & Pick<ShelfUser, "resource" | "me">;

export class FrameFiles {
  readonly files: Files;
  readonly away: FrameAway;

  constructor({ resource, me, ...user }: FrameFilesUser, streams: FrameStreams, put: (asked: Asked) => void) {
    this.away = new FrameAway(put);
    this.files = new Files({ ...user, stream: streams.open(FILES), shelf: { away: this.away, resource, me } });
  }
}
