import { QualityLevel } from "../proto/umbrella/v1/signal_pb";

export function qualityWords(level: QualityLevel): string {
  switch (level) {
    case QualityLevel.GOOD:
      return "Good connection";
    case QualityLevel.FAIR:
      return "Fair connection";
    case QualityLevel.POOR:
      return "Poor connection";
    case QualityLevel.LOST:
      return "Connection lost";
    case QualityLevel.UNSPECIFIED:
      return "";
  }
}

/** How many of three bars. */
export function strengthOf(quality: QualityLevel): number {
  switch (quality) {
    case QualityLevel.GOOD:
      return 3;
    case QualityLevel.FAIR:
      return 2;
    case QualityLevel.POOR:
      return 1;
    default:
      return 0;
  }
}
